"""The Google provider's schema of the resources in infra/terraform, as a package has it.

The provider itself comes from a registry of Terraform's own, which tests do not ask. HashiCorp has
published classes that were generated from its schema, for all its resources, as
`cdktf-cdktf-provider-google` (MPL-2.0; 49 MB). This takes names, types and whether they must be
set out of those classes, and no text:

    pip download --no-deps cdktf-cdktf-provider-google==16.12.1
    python -m tests.infra.terraform.extract_schema cdktf_cdktf_provider_google-16.12.1-*.whl
"""

import io
import json
import pathlib
import re
import sys
import tarfile
import zipfile
from typing import Any

SCHEMA = pathlib.Path(__file__).with_name("google_schema.json")
TERRAFORM = pathlib.Path(__file__).parents[3] / "infra/terraform"

_TYPES: dict[str, Any] = {"string": "string", "number": "number", "boolean": "bool"}
_TYPES |= {f"{kind}Map": ["map", name] for kind, name in list(_TYPES.items())}
_TYPES |= {f"{kind}List": ["list", name] for kind, name in list(_TYPES.items())[:3]}
_ENTRY = re.compile(
    r"(\w+): \{\s+value: (.+),\s+isBlock: (true|false),\s+type: \"(\w+)\",\s+"
    r"storageClassType: \"(\w+)\","
)
_GETTER = re.compile(
    r"get (\w+)\(\) \{\s+return this\.get(String|Number|Boolean)Attribute\('(\w+)'\)"
)


class Package:
    """The classes, by folder: `storage-bucket`."""

    def __init__(self, wheel: pathlib.Path):
        with zipfile.ZipFile(wheel) as files:
            name = next(one for one in files.namelist() if one.endswith(".jsii.tgz"))
            content = io.BytesIO(files.read(name))
        with tarfile.open(fileobj=content) as archive:
            self._texts = {
                one.name: file.read().decode()
                for one in archive
                if one.name.endswith((".js", ".d.ts")) and (file := archive.extractfile(one))
            }

    def text(self, folder: str, suffix: str) -> str:
        """All code (.js) or all declarations (.d.ts) of a folder."""
        start = f"package/lib/{folder}/"
        return "".join(
            text
            for name, text in self._texts.items()
            if name.startswith(start) and name.endswith(suffix)
        )


def resource(package: Package, kind: str) -> dict[str, Any]:
    """The schema of a kind of resource; "" is the provider's own."""
    folder = kind.removeprefix("google_").replace("_", "-") or "provider"
    code, declarations = package.text(folder, ".js"), package.text(folder, ".d.ts")
    own = code[code.index("synthesizeHclAttributes() {") :]
    name = "".join(part.capitalize() for part in f"google_{kind}".split("_")[2:])
    name = name or "GoogleProvider"
    block = _block(code, declarations, own, f"{name}Config")
    last_class = code[code.rindex(" extends cdktf.Terraform") :]
    for _, type_name, attribute in _GETTER.findall(last_class):
        known = block["attributes"].get(attribute)
        if known is None:
            block["attributes"][attribute] = {"type": _TYPES[type_name.lower()], "computed": True}
    return block


def _block(code: str, declarations: str, body: str, interface: str) -> dict[str, Any]:
    required = _required(declarations, interface)
    attributes, blocks = {}, {}
    for name, value, is_block, nesting, storage in _ENTRY.findall(_entries(body)):
        if name in ("timeouts", "alias"):  # Terraform's own
            continue
        if is_block == "true":
            function = re.search(r"(\w+)ToHclTerraform", value)[1]  # type: ignore[index]
            inner = code[code.index(f"function {function}ToHclTerraform(") :]
            blocks[name] = {
                "nesting": "set" if nesting == "set" else "list",
                "required": name in required,
                "one": "listMapper" not in value,
                **_block(code, declarations, inner, function[0].upper() + function[1:]),
            }
        else:
            type_ = _TYPES[storage]
            if nesting == "set":
                type_ = ["set", type_[1]]
            attributes[name] = {"type": type_, "required": name in required}
    return {"attributes": attributes, "blocks": blocks}


def _entries(body: str) -> str:
    """The entries of a function that begins here."""
    entries = body[body.index("const attrs = {") :]
    return entries[: re.search(r"\n +\};\n", entries).start()]  # type: ignore[union-attr]


def _required(declarations: str, interface: str) -> set[str]:
    start = declarations.index(f"export interface {interface} ")
    text = declarations[start : declarations.index("\n}", start)]
    names = re.findall(r"readonly (\w+): ", text)
    return {re.sub(r"([A-Z])", lambda match: f"_{match[1].lower()}", name) for name in names}


def used() -> list[str]:
    """Kinds of resource in infra/terraform."""
    text = "".join(path.read_text(encoding="utf-8") for path in TERRAFORM.glob("*.tf"))
    return sorted(set(re.findall(r'^resource "(\w+)"', text, flags=re.MULTILINE)))


def main(wheel: str) -> None:
    """Writes the schema beside this file."""
    package = Package(pathlib.Path(wheel))
    version = re.search(r"providerVersion: '([\d.]+)'", package.text("storage-bucket", ".js"))
    schema = {
        "version": version[1],  # type: ignore[index]
        "provider": resource(package, ""),
        "resources": {kind: resource(package, kind) for kind in used()},
    }
    SCHEMA.write_text(json.dumps(schema, sort_keys=True, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
