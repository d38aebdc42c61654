"""The demonstration: an agent's memory and one of its runs, asked in the present and in the past."""

from datamem.demo.sample import play_sample
from datamem.demo.tour import play_demo

__all__ = ["play_demo", "play_sample"]
