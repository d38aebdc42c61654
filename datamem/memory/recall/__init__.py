"""Recall: which messages and memories answer a question, and why these."""

from datamem.memory.recall.ask import recall
from datamem.memory.recall.packing import Packed, about_tokens, pack
from datamem.memory.recall.result import Item, Recall
from datamem.memory.recall.weights import DEFAULT, Weights

__all__ = ["DEFAULT", "Item", "Packed", "Recall", "Weights", "about_tokens", "pack", "recall"]
