"""The official Python SDK's client, told by a test to use everything that a server has:

    pair.py URL legacy|modern SETTINGS

SETTINGS name the server's tools for each feature, as crates/claviger/tests/interop/pairs says. The bearer token is in the variable TOKEN.
The outcome is one JSON object on stdout: feature -> what the client saw of it, or {"error": ...}.
"""

import asyncio
import json
import os
import sys
import warnings

import httpx2
import mcp_types as types
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import ToolsListChanged

URL, ERA, SETTINGS = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
MODE = {"legacy": "legacy", "modern": "2026-07-28"}[ERA]
PATIENCE = 15

outcome = {}


async def attempt(feature, use):
    """Tries one feature: what it returns is kept, and what it raises too."""
    try:
        outcome[feature] = await asyncio.wait_for(use(), PATIENCE)
    except Exception as error:
        outcome[feature] = {"error": said_of(error)}


def said_of(error):
    """The one error that a task group wrapped, however often."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"nothing within {PATIENCE} s" if isinstance(error, TimeoutError) else f"{type(error).__name__}: {error}"


async def elicit(_context, _params):
    content = {"name": "Ada", "username": "ada", "email": "ada@example.com", "check": True}
    return types.ElicitResult(action="accept", content=content)


async def sample(_context, _params):
    content = types.TextContent(type="text", text="sampled by the test")
    return types.CreateMessageResult(role="assistant", model="none", content=content)


def text_of(result):
    return "\n".join(getattr(item, "text", f"<{item.type}>") for item in result.content)


async def use_everything(client, heard):
    async def call(feature, **options):
        wanted = SETTINGS[feature]
        return await client.call_tool(wanted["name"], wanted["arguments"], **options)

    async def opened():
        return client.protocol_version

    async def listed():
        return " ".join(tool.name for tool in (await client.list_tools()).tools)

    async def progress():
        steps = []

        async def on_progress(progress, _total, _message):
            steps.append(f"{progress:g}")

        await call("progress", progress_callback=on_progress)
        return " ".join(steps)

    async def read():
        return (await client.read_resource(SETTINGS["read"])).contents[0].text

    async def prompt():
        return (await client.get_prompt(SETTINGS["prompt"])).messages[0].content.text

    async def changes():
        of = SETTINGS["changes"]["of"]
        if ERA == "legacy":
            if of != "tools":
                await client.subscribe_resource(of)
            await call("changes")
            return await heard.get()
        wanted = {"tools_list_changed": True} if of == "tools" else {"resource_subscriptions": [of]}
        async with client.listen(**wanted) as subscription:
            await call("changes")
            async for event in subscription:
                return "tools" if isinstance(event, ToolsListChanged) else str(event.uri)

    async def text(feature):
        return text_of(await call(feature))

    await attempt("open", opened)
    await attempt("list", listed)
    await attempt("call", lambda: text("call"))
    await attempt("progress", progress)
    await attempt("elicitation", lambda: text("elicitation"))
    await attempt("sampling", lambda: text("sampling"))
    await attempt("read", read)
    await attempt("prompt", prompt)
    await attempt("changes", changes)


async def main():
    heard = asyncio.Queue()

    async def on_message(message):
        if isinstance(message, types.ToolListChangedNotification):
            heard.put_nowait("tools")
        elif isinstance(message, types.ResourceUpdatedNotification):
            heard.put_nowait(str(message.params.uri))

    try:
        headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
        async with httpx2.AsyncClient(headers=headers, timeout=httpx2.Timeout(60)) as http:
            transport = streamable_http_client(URL, http_client=http)
            options = {"elicitation_callback": elicit, "sampling_callback": sample, "message_handler": on_message}
            async with Client(transport, mode=MODE, **options) as client:
                await use_everything(client, heard)
    except Exception as error:
        outcome.setdefault("open", {"error": said_of(error)})
    print(json.dumps(outcome), flush=True)


warnings.simplefilter("ignore")
asyncio.run(main())
