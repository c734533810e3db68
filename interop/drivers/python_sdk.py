"""The official Python SDK client, told what to do by a test.

    python_sdk.py URL SCENARIO ['{"era": "legacy", ...}']

The bearer token, if any, is in the variable TOKEN. The outcome is one JSON object on stdout: what the scenario saw, or
`error`; and `refusals`, every answer of the server that was no success.
"""

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager

import httpx2
import mcp_types as types
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

URL, SCENARIO = sys.argv[1:3]
SETTINGS = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
MODE = {"legacy": "legacy", "auto": "auto", "modern": "2026-07-28"}[SETTINGS.get("era", "legacy")]
TOOL = SETTINGS.get("tool", "echo")
ARGUMENTS = SETTINGS.get("arguments", {})

refusals = []


async def note_refusal(response):
    if response.status_code >= 400 and response.status_code != 405:
        refusals.append({"status": response.status_code, "challenge": response.headers.get("www-authenticate")})


@asynccontextmanager
async def connected(**callbacks):
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"} if os.environ.get("TOKEN") else {}
    hooks = {"response": [note_refusal]}
    async with httpx2.AsyncClient(headers=headers, event_hooks=hooks, timeout=httpx2.Timeout(60)) as http:
        async with Client(streamable_http_client(URL, http_client=http), mode=MODE, **callbacks) as client:
            yield client


def text_of(result):
    return "\n".join(getattr(item, "text", f"<{item.type}>") for item in result.content)


async def tour():
    """Lists everything and calls one tool."""
    async with connected() as client:
        has = client.server_capabilities
        tools = (await client.list_tools()).tools
        prompts = (await client.list_prompts()).prompts if has.prompts else []
        resources = (await client.list_resources()).resources if has.resources else []
        result = await client.call_tool(TOOL, ARGUMENTS)
        return {
            "version": client.protocol_version,
            "tools": [tool.name for tool in tools],
            "prompts": [prompt.name for prompt in prompts],
            "resources": [str(resource.uri) for resource in resources],
            "text": text_of(result),
            "failed": bool(result.is_error),
        }


async def progress():
    """One call with progress."""
    steps = []

    async def on_progress(progress, total, _message):
        steps.append([progress, total])

    async with connected() as client:
        result = await client.call_tool(TOOL, ARGUMENTS, progress_callback=on_progress)
        return {"steps": steps, "text": text_of(result)}


async def ask():
    """A call during which the server asks the client: a person's answer, or a model's."""
    asked = []

    async def elicit(_context, params):
        asked.append(params.message)
        return types.ElicitResult(action="accept", content={"name": "Ada", "check": True})

    async def sample(_context, params):
        asked.append("\n".join(message.content.text for message in params.messages))
        content = types.TextContent(type="text", text="sampled by the test")
        return types.CreateMessageResult(role="assistant", model="none", content=content)

    async with connected(elicitation_callback=elicit, sampling_callback=sample) as client:
        return {"text": text_of(await client.call_tool(TOOL, ARGUMENTS)), "asked": asked}


async def cancel():
    """A call that the client gives up; then another one, again and again until it says `until`."""
    after, until = SETTINGS.get("after", "echo"), SETTINGS.get("until", "still here")
    async with connected() as client:
        call = asyncio.create_task(client.call_tool(TOOL, ARGUMENTS))
        await asyncio.sleep(1.5)
        call.cancel()
        try:
            await call
            outcome = "answered"
        except asyncio.CancelledError:
            outcome = "cancelled"
        text = ""
        for _ in range(100):
            text = text_of(await client.call_tool(after, {"message": until, "text": until}))
            if until in text:
                break
            await asyncio.sleep(0.1)
        return {"outcome": outcome, "text": text}


async def crowd():
    """Several clients at once; their JSON-RPC ids are the same, their answers must not be."""
    clients, calls = SETTINGS.get("clients", 1), SETTINGS.get("calls", 1)

    async def one(who):
        async with connected() as client:

            async def call(number):
                mine = f"client {who} call {number}"
                text = text_of(await client.call_tool("echo", {"message": mine, "text": mine}))
                if not text.endswith(mine):
                    raise AssertionError(f"{mine} was answered: {text}")

            await asyncio.gather(*(call(number) for number in range(calls)))

    await asyncio.gather(*(one(who) for who in range(clients)))
    return {"answered": clients * calls}


def innermost(error):
    """The one error that a task group wrapped, however often."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def main():
    scenario = {run.__name__: run for run in (tour, progress, ask, cancel, crowd)}[SCENARIO]
    try:
        outcome = await asyncio.wait_for(scenario(), 60)
    except Exception as error:
        cause = innermost(error)
        outcome = {"error": {"name": type(cause).__name__, "message": str(cause), "cause": repr(cause.__cause__)}}
    print(json.dumps({**outcome, "refusals": refusals}), flush=True)


asyncio.run(main())
