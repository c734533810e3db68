"""The Python clients with OAuth providers that start with nothing: they register themselves, ask for a person at a browser, keep what they get.

    sign_in.py PACKAGE URL TOOL ARGUMENTS

PACKAGE is `mcp`, the official SDK, or `fastmcp`, which opens the browser that the variable BROWSER names. `mcp` prints the URL for the browser itself, as `open URL`. The
last line on stdout is a JSON object. The tool is called, then again and again until the client has renewed its token, and once more.
"""

import asyncio
import json
import sys
import time
import warnings
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata

PACKAGE, URL, TOOL, ARGUMENTS = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
PATIENCE_SECONDS = 60

requests = []


class Kept:
    """What an SDK client keeps: here in memory, so that it starts with nothing."""

    def __init__(self):
        self.tokens = self.client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


class Callback:
    """Where the browser comes back to: one request is answered, and remembered."""

    def __init__(self):
        self.came = asyncio.get_running_loop().create_future()

    async def listen(self):
        self.server = await asyncio.start_server(self.answer, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/signed-in"

    async def answer(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ")[1].decode()
        body = b"Back at the client."
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()
        if not self.came.done() and path.startswith("/signed-in"):
            self.came.set_result({name: values[0] for name, values in parse_qs(urlsplit(path).query).items()})


async def note(response):
    body = response.request.content if response.request.method == "POST" else b""
    grant = parse_qs(body.decode(errors="replace")).get("grant_type", [""])[0]
    requests.append(" ".join(filter(None, [response.request.method, response.request.url.path, grant, str(response.status_code)])))


async def until_renewed(call, tokens):
    """Calls before, until and after the client has another token."""
    texts, before = [await call()], await tokens()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (await tokens()).access_token == before.access_token and time.monotonic() < deadline:
        await asyncio.sleep(1)
        texts.append(await call())
    after = await tokens()
    texts.append(await call())
    return {
        "texts": texts,
        "refreshed": after.access_token != before.access_token and after.refresh_token != before.refresh_token,
        "secrets": [token for each in (before, after) for token in (each.access_token, each.refresh_token)],
    }


def text_of(result):
    return "\n".join(getattr(item, "text", f"<{item.type}>") for item in result.content)


async def with_mcp():
    kept, callback = Kept(), Callback()
    redirect = await callback.listen()
    metadata = OAuthClientMetadata(
        client_name="Interop mcp", redirect_uris=[redirect], grant_types=["authorization_code", "refresh_token"], token_endpoint_auth_method="none"
    )

    async def open_browser(url):
        print(f"open {url}", flush=True)

    async def comes_back():
        answer = await callback.came
        return AuthorizationCodeResult(code=answer["code"], state=answer.get("state"), iss=answer.get("iss"))

    provider = OAuthClientProvider(URL, metadata, kept, open_browser, comes_back)
    async with httpx2.AsyncClient(auth=provider, event_hooks={"response": [note]}, timeout=httpx2.Timeout(60)) as http:
        async with Client(streamable_http_client(URL, http_client=http)) as client:
            seen = await until_renewed(lambda: calling(client), kept.get_tokens)
            return {**seen, "version": client.protocol_version, "iss": (await callback.came).get("iss")}


async def with_fastmcp():
    from fastmcp import Client as FastClient
    from fastmcp.client.auth import OAuth

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        provider = OAuth(client_name="Interop fastmcp")
        async with FastClient(URL, auth=provider) as client:
            return await until_renewed(lambda: calling(client), lambda: provider.token_storage_adapter.get_tokens())


async def calling(client):
    return text_of(await client.call_tool(TOOL, ARGUMENTS))


def innermost(error):
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def main():
    run = {"mcp": with_mcp, "fastmcp": with_fastmcp}[PACKAGE]
    try:
        outcome = await asyncio.wait_for(run(), 2 * PATIENCE_SECONDS)
    except Exception as error:
        cause = innermost(error)
        outcome = {"error": f"{type(cause).__name__}: {cause}", "cause": repr(cause.__cause__)}
    print(json.dumps({**outcome, "requests": requests}), flush=True)


asyncio.run(main())
