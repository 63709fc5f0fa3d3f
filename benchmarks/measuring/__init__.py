"""The parts of the comparison in `run.py`: programs on their cores, short calls, long streams, what they cost."""
