# The embedding of a text through the gateway, with the standard library alone.
#   API_KEY=sk_… python3 examples/clients/embed.py "Hello, world!"
import json
import os
import sys
import urllib.request

request = urllib.request.Request(
    os.environ.get("GATEWAY_URL", "http://localhost:8000") + "/v1/embed",
    data=json.dumps({"input_text": sys.argv[1] if len(sys.argv) > 1 else "Hello!"}).encode(),
    headers={"Content-Type": "application/json", "Authorization": f"Bearer {os.environ['API_KEY']}"},
)
with urllib.request.urlopen(request) as response:
    answer = json.load(response)
print(len(answer["embedding"]), "numbers,", answer["usage"]["total_tokens"], "tokens,", answer["model"])
