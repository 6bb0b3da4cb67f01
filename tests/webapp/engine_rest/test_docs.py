from pathlib import Path

PAGE = (Path(__file__).parents[3] / "docs" / "camunda-7.md").read_text()


def test_every_path_is_in_the_documentation(app):
    rules = [rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/engine-rest/")]
    words = {part for rule in rules for part in rule.split("/")[2:] if part and not part.startswith("<")}

    assert len(rules) > 60
    assert [word for word in sorted(words) if f"/{word}" not in PAGE] == []
