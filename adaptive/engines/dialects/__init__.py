"""Dialects: how a server is asked to continue ids, and how the ids are read from its answer.

| dialect | path | stop ids | parts of the stream |
|---|---|---|---|
| vLLM | `/v1/completions` | the server's | new ids |
| llama.cpp | `/completion` | ours: the connection is closed | one id, none inside a character |
| SGLang | `/generate` | the server's | all ids so far, or new ones |
| Ollama | `/api/generate` | ours: the connection is closed | text, in `ollama.py` |

Only vLLM continues past an end of turn that is no stop id. The others stop there and are asked for the rest.

Guided text comes whole, not as a stream: what breaks off cannot be continued in the middle of a grammar, and is
asked for again from its start.
"""
