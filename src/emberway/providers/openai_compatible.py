"""Providers that take OpenAI's own format under their own address: one line each, and nothing is rewritten."""

from __future__ import annotations

from collections.abc import Mapping

from emberway.providers.auth import bearer
from emberway.providers.base import AuthScheme, Dialect, Provider
from emberway.providers.model_rules import write_with_model

DIALECTS: Mapping[str, Dialect] = {
    "chat": Dialect(write=write_with_model),
    "completions": Dialect(write=write_with_model),
    "embeddings": Dialect(write=write_with_model),
}
"""Every other endpoint is passed through unread, images too: OpenAI chooses a model itself where none is named."""

FORWARDS = frozenset({b"openai-organization", b"openai-project", b"openai-beta"})


def openai_compatible(slug: str, base_url: str, auth: AuthScheme = bearer) -> Provider:
    """A provider reached at ``base_url + "/chat/completions"``; the base holds its version path."""
    return Provider(slug=slug, base_url=base_url, auth=auth, dialects=DIALECTS, forwards=FORWARDS)


OPENAI_COMPATIBLE: tuple[Provider, ...] = (
    openai_compatible("302ai", "https://api.302.ai/v1"),
    openai_compatible("aibadgr", "https://aibadgr.com/api/v1"),
    openai_compatible("anyscale", "https://api.endpoints.anyscale.com/v1"),
    openai_compatible("cerebras", "https://api.cerebras.ai/v1"),
    openai_compatible("cometapi", "https://api.cometapi.com/v1"),
    openai_compatible("dashscope", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"),
    openai_compatible("deepbricks", "https://api.deepbricks.ai/v1"),
    openai_compatible("deepinfra", "https://api.deepinfra.com/v1/openai"),
    openai_compatible("deepseek", "https://api.deepseek.com/v1"),
    openai_compatible("featherless-ai", "https://api.featherless.ai/v1"),
    openai_compatible("github", "https://models.inference.ai.azure.com"),
    openai_compatible("groq", "https://api.groq.com/openai/v1"),
    openai_compatible("hyperbolic", "https://api.hyperbolic.xyz/v1"),
    openai_compatible("inference-net", "https://api.inference.net/v1"),
    openai_compatible("iointelligence", "https://api.intelligence.io.solutions/api/v1"),
    openai_compatible("kluster-ai", "https://api.kluster.ai/v1"),
    openai_compatible("krutrim", "https://cloud.olakrutrim.com/v1"),
    openai_compatible("lambda", "https://api.lambdalabs.com/v1"),
    openai_compatible("lemonfox-ai", "https://api.lemonfox.ai/v1"),
    openai_compatible("lepton", "https://api.lepton.ai/api/v1"),
    openai_compatible("lingyi", "https://api.lingyiwanwu.com/v1"),
    openai_compatible("matterai", "https://api.matterai.so/v1"),
    openai_compatible("mistral-ai", "https://api.mistral.ai/v1"),
    openai_compatible("modal", "https://api.modal.com/v1"),
    openai_compatible("monsterapi", "https://llm.monsterapi.ai/v1"),
    openai_compatible("moonshot", "https://api.moonshot.cn/v1"),
    openai_compatible("ncompass", "https://api.ncompass.tech/v1"),
    openai_compatible("nebius", "https://api.studio.nebius.ai/v1"),
    openai_compatible("nextbit", "https://api.nextbit256.com/v1"),
    openai_compatible("novita-ai", "https://api.novita.ai/v3/openai/v1"),
    openai_compatible("nscale", "https://inference.api.nscale.com/v1"),
    openai_compatible("openai", "https://api.openai.com/v1"),
    openai_compatible("openrouter", "https://openrouter.ai/api/v1"),
    openai_compatible("ovhcloud", "https://oai.endpoints.kepler.ai.cloud.ovh.net/v1"),
    openai_compatible("perplexity-ai", "https://api.perplexity.ai"),
    openai_compatible("sambanova", "https://api.sambanova.ai/v1"),
    openai_compatible("siliconflow", "https://api.siliconflow.cn/v1"),
    openai_compatible("together-ai", "https://api.together.xyz/v1"),
    openai_compatible("upstage", "https://api.upstage.ai/v1/solar"),
    openai_compatible("x-ai", "https://api.x.ai/v1"),
    openai_compatible("z-ai", "https://api.z.ai/api/paas/v4"),
    openai_compatible("zhipu", "https://open.bigmodel.cn/api/paas/v4"),
)
"""Addresses as in the provider table of Portkey's open gateway (commit of 2026-05-25), GitHub's added.

Providers without an address of their own (Ollama, Azure's resources) are reached with ``openai`` and a custom host.
"""
