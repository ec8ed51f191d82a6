"""A process that asks an agent a question for each of some tenants: `python -m tests.agents.tenant_process JSON`.

The JSON has `file` (of the store), `tenants`, and the `url` and `key` of the model's server.
"""

from __future__ import annotations

import json
import sys

from langchain.agents import create_agent
from langchain_openai import ChatOpenAI
from langgraph.store.sqlite import SqliteStore

from adaptive.agents import AdaptiveThinkingMiddleware, TenantLimits


def main() -> None:
    asked = json.loads(sys.argv[1])
    model = ChatOpenAI(model="gpt-5", base_url=f"{asked['url']}/v1", api_key=asked["key"])
    ours = AdaptiveThinkingMiddleware(tenants=TenantLimits(max_tokens=400))
    with SqliteStore.from_conn_string(asked["file"]) as store:
        store.setup()
        agent = create_agent(model, [], middleware=[ours], store=store)
        for tenant in asked["tenants"]:
            agent.invoke({"messages": [("user", f"{tenant}: what is 6 times 7?")]}, context={"tenant": tenant})


if __name__ == "__main__":
    main()
