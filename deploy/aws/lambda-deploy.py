#!/usr/bin/env python3
"""Deploys the gateway as an AWS Lambda function with a public URL.

Needs the AWS CLI (with credentials), Node 24 and npm. Secrets come from the environment and go into the function's
environment, which AWS encrypts: MASTER_KEY and SECRET_KEY, and DATABASE_URL, REDIS_URL, OPENAI_API_KEY where set.

    MASTER_KEY=$(openssl rand -hex 32) SECRET_KEY=$(openssl rand -base64 48) \\
        python3 deploy/aws/lambda-deploy.py --name turnpike --role arn:aws:iam::123456789012:role/lambda

--dry-run builds the archive and prints the AWS commands instead of running them, without the secrets.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIRED = ["MASTER_KEY", "SECRET_KEY"]
OPTIONAL = ["DATABASE_URL", "REDIS_URL", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "LOG_LEVEL", "ALLOWED_ORIGINS"]


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Deploy Turnpike to AWS Lambda.")
    parser.add_argument("--name", default="turnpike", help="name of the function")
    parser.add_argument("--role", required=True, help="ARN of its execution role")
    parser.add_argument("--region", default=os.environ.get("AWS_REGION", "us-east-1"))
    parser.add_argument("--runtime", default="nodejs24.x")
    parser.add_argument("--architecture", choices=["x86_64", "arm64"], default="x86_64")
    parser.add_argument("--memory", type=int, default=1024, help="MB; more memory is also more processor")
    parser.add_argument("--timeout", type=int, default=300, help="seconds for one request, streams included")
    parser.add_argument("--config", type=Path, default=ROOT / "deploy/aws/gateway_config.yaml")
    parser.add_argument("--package", default=str(ROOT), help="what npm installs: a folder, a tarball or turnpike@<version>")
    parser.add_argument("--output", type=Path, help="keep the archive here")
    parser.add_argument("--no-stream", action="store_true", help="answer as a whole instead of in a stream")
    parser.add_argument("--dry-run", action="store_true")
    return parser.parse_args()


def build(folder: Path, arguments: argparse.Namespace) -> Path:
    """Installs the package for the function's platform, and zips it with the entry and the configuration."""
    tarball = arguments.package
    if Path(tarball).is_dir():
        packed = subprocess.run(
            ["npm", "pack", "--silent", "--pack-destination", str(folder)],
            cwd=tarball, check=True, capture_output=True, text=True,
        )
        tarball = str(folder / packed.stdout.strip().splitlines()[-1])
    code = folder / "code"
    code.mkdir()
    (code / "package.json").write_text('{"name":"turnpike-lambda","private":true,"type":"module"}')
    cpu = "x64" if arguments.architecture == "x86_64" else "arm64"
    subprocess.run(
        ["npm", "install", "--silent", "--omit=dev", "--os=linux", f"--cpu={cpu}", "--libc=glibc", tarball],
        cwd=code, check=True,
    )
    for entry in ["index.mjs", "stream.mjs"]:
        shutil.copy(ROOT / "deploy/aws" / entry, code / entry)
    shutil.copy(arguments.config, code / "gateway_config.yaml")
    archive = arguments.output or folder / "function.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in sorted(code.rglob("*")):
            if path.is_file():
                zipped.write(path, path.relative_to(code))
    return archive


def environment(arguments: argparse.Namespace) -> dict:
    missing = [name for name in REQUIRED if not os.environ.get(name)]
    if missing and not arguments.dry_run:
        sys.exit(f"set {' and '.join(missing)} first; openssl rand -hex 32 makes one")
    values = {name: os.environ[name] for name in REQUIRED + OPTIONAL if os.environ.get(name)}
    values["TURNPIKE_CONFIG"] = "/var/task/gateway_config.yaml"
    return values


class Aws:
    """The AWS CLI; under --dry-run it prints what it would run."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.dry = arguments.dry_run
        self.region = arguments.region

    def run(self, *words: str, may_fail: bool = False) -> bool:
        command = ["aws", "lambda", *words, "--region", self.region]
        if self.dry:
            print(" ".join("Variables={...}" if word.startswith("{") else word for word in command))
            return not may_fail
        done = subprocess.run(command, check=not may_fail, stdout=subprocess.PIPE, stderr=subprocess.PIPE if may_fail else None)
        return done.returncode == 0


def deploy(archive: Path, arguments: argparse.Namespace) -> None:
    aws = Aws(arguments)
    name = ["--function-name", arguments.name]
    settings = [
        "--runtime", arguments.runtime, "--handler", f"{'index' if arguments.no_stream else 'stream'}.handler", "--memory-size", str(arguments.memory),
        "--timeout", str(arguments.timeout), "--role", arguments.role,
        "--environment", json.dumps({"Variables": environment(arguments)}),
    ]
    code = ["--zip-file", f"fileb://{archive}"]
    if aws.run("get-function", *name, may_fail=True):
        aws.run("update-function-code", *name, *code)
        aws.run("wait", "function-updated", *name)
        aws.run("update-function-configuration", *name, *settings)
    else:
        aws.run("create-function", *name, *settings, *code, "--architectures", arguments.architecture)
    aws.run("wait", "function-active-v2", *name)
    mode = "BUFFERED" if arguments.no_stream else "RESPONSE_STREAM"
    url = [*name, "--auth-type", "NONE", "--invoke-mode", mode]
    if not aws.run("create-function-url-config", *url, may_fail=True):
        aws.run("update-function-url-config", *url)
    # The gateway itself asks for keys: the URL is open to everybody.
    aws.run(
        "add-permission", *name, "--statement-id", "public-url", "--action", "lambda:InvokeFunctionUrl",
        "--principal", "*", "--function-url-auth-type", "NONE", may_fail=True,
    )
    aws.run("get-function-url-config", *name, "--query", "FunctionUrl", "--output", "text")


def main() -> None:
    arguments = read_arguments()
    environment(arguments)
    with tempfile.TemporaryDirectory() as folder:
        archive = build(Path(folder), arguments)
        print(f"{archive.name}: {archive.stat().st_size / 1e6:.1f} MB")
        deploy(archive, arguments)


if __name__ == "__main__":
    main()
