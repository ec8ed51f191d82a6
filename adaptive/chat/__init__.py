"""Chat models of any provider behind one small handle: the levers of a call, and what it brought."""

from adaptive.chat.ask import Ask
from adaptive.chat.images import image_block
from adaptive.chat.model import ChatModel
from adaptive.chat.open import chat_model
from adaptive.chat.turn import Turn, TurnFinish, read_turn

__all__ = ["Ask", "ChatModel", "Turn", "TurnFinish", "chat_model", "image_block", "read_turn"]
