"""The official Python client of MCP uses every Discord tool: `client.py LABEL stdio|http`.

Where the server is, is in the environment, as ompcord's own. It says what came of everything as one JSON object, and
gives its last question up when it is sent a line.
"""

import asyncio
import json
import os
import sys

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client


async def use(client: Client, label: str) -> dict:
    said = {"tools": sorted(tool.name for tool in (await client.list_tools()).tools)}

    async def call(name: str, **arguments):
        result = await client.call_tool(name, arguments)
        text = result.content[0].text
        said[name] = {"is_error": bool(result.is_error), "text": text}
        return text if result.is_error else json.loads(text)

    sent = await call("discord_send", text=f"{label} sends")
    await call("discord_reply", text=f"{label} replies", message_id=sent["message_id"])
    await call("discord_notify", text=f"{label} notifies")
    await call("discord_react", message_id=sent["message_id"], emoji="👀")
    await call("discord_send_file", path="report.md", text=f"{label} sends a file")
    await call("discord_channels")
    await call("discord_guilds")
    await call("discord_read", limit=50)
    await call("discord_ask", question=f"{label} asks?", choices=["Yes", "No"])
    bad = await client.call_tool("discord_send", {"text": 7})
    said["bad"] = {"is_error": bool(bad.is_error), "text": bad.content[0].text}
    resource = (await client.list_resources()).resources[0].uri
    said["resource"] = (await client.read_resource(str(resource))).contents[0].text

    asked = asyncio.create_task(client.call_tool("discord_ask", {"question": f"{label} gives up?"}))
    await asyncio.to_thread(sys.stdin.readline)
    asked.cancel()
    try:
        await asked
    except asyncio.CancelledError:
        said["given_up"] = True
    # The session outlives what was given up in it.
    await call("discord_guilds")
    return said


async def main() -> None:
    label, transport = sys.argv[1:3]
    if transport == "stdio":
        server = StdioServerParameters(command=os.environ["OMPCORD"], args=["mcp"], env=dict(os.environ))
        async with Client(server) as client:
            said = await use(client, label)
    else:
        headers = {"Authorization": f"Bearer {os.environ['OMPCORD_SESSION_TOKEN']}"}
        async with httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False) as http:
            url = f"{os.environ['OMPCORD_URL']}/mcp"
            async with Client(streamable_http_client(url, http_client=http)) as client:
                said = await use(client, label)
    print(json.dumps(said))


asyncio.run(main())
