import pytest

from webapp.prose import LONGEST, prose


def test_headings_paragraphs_and_lists():
    assert prose("## New colleague\n\nstarts **soon**.\nReally.\n\n- one\n- `two`") == (
        "<h3>New colleague</h3>\n<p>starts <strong>soon</strong>.<br>Really.</p>\n"
        "<ul><li>one</li><li><code>two</code></li></ul>"
    )


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)",
        "**<b onclick=x>**",
        "[click](javascript:alert(1))",
        '[click](https://x/"onmouseover="alert(1))',
        "<scr<script>ipt>alert(1)</script>",
    ],
)
def test_nothing_that_was_written_becomes_markup_of_its_own(text):
    html = prose(text)

    assert "<script" not in html
    assert "<img" not in html
    assert "<b " not in html
    assert "javascript:" not in html
    assert '"onmouseover' not in html


def test_links_lead_to_the_web():
    assert 'href="https://example.com/a?b=1&amp;c=2"' in prose("[there](https://example.com/a?b=1&c=2)")


def test_a_long_text_is_cut():
    assert len(prose("x" * 10 * LONGEST)) < LONGEST + 100
