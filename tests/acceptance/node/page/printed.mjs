// Prints what a call gave, or what it threw, as one line of JSON.

export async function printed(call) {
    let outcome;
    try {
        outcome = await call();
    } catch (error) {
        outcome = { raised: { name: error.constructor.name, status: error.status ?? null, message: error.message } };
    }
    console.log(JSON.stringify(outcome));
}
