"""Pages from Markdown: rendered once and kept, found safely, from this folder or another."""

import os

import pytest

from demo_app import layout, pages, sources


@pytest.fixture
def folder(tmp_path, monkeypatch):
    place = tmp_path / "site"
    (place / "part").mkdir(parents=True)
    (place / "index.md").write_text("---\ntitle: Front & door\nmenu: Door\norder: 1\n---\nWelcome, <b>you</b>.\n")
    (place / "one.md").write_text(
        "# First *page*\n\n[two](part/two.md#end) [top](/one) [out](https://example.org/a.md)\n"
    )
    (place / "part" / "two.md").write_text("---\nsummary: Short\nkernel:\n  name: python3\n---\n\n# Two #\n\nText\n")
    (place / "part" / "index.md").write_text("Inside\n")
    monkeypatch.setenv("DEMO_APP_CONTENT", str(place))
    return place


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "<h1>Front &amp; door</h1>"),
        ("/", "<p>Welcome, <b>you</b>.</p>"),
        ("/", '<a href="/" aria-current="page">Door</a>'),
        ("/one", "<h1>First *page*</h1>"),
        ("/one", '<a href="part/two#end">two</a>'),
        ("/one", '<a href="/one">top</a>'),
        ("/one", '<a href="https://example.org/a.md">out</a>'),
        ("/part/two", "<h1>Two</h1>"),
        ("/part/two", '<p class="summary">Short</p>'),
        ("/part/", "<h1>index</h1>"),
        ("/experiments", "<h1>Experiments</h1>"),
    ],
)
def test_another_folder_is_the_site(ask, folder, path, expected):
    answer = ask(path)
    assert answer.code == 200
    assert expected in answer.text


def test_a_folder_without_an_entrance_gets_a_list(ask, folder):
    (folder / "index.md").unlink()
    sources.contents.cache_clear()
    answer = ask("/", SCRIPT_NAME="/m")
    assert answer.code == 200
    assert '<a href="/m/one">First *page*</a>' in answer.text
    assert '<a href="/m/part/two">Two</a>' in answer.text


def test_a_folder_that_is_not_there_is_an_empty_site(ask, folder, monkeypatch):
    monkeypatch.setenv("DEMO_APP_CONTENT", str(folder / "nowhere"))
    assert "This folder has no pages." in ask("/").text
    assert ask("/one").code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/../secret",
        "/part/../../secret",
        "/..%2fsecret",
        "/part/..",
        "/link",
        "/door/secret",
        "/.secret",
        "/part\\..\\secret",
        "/-secret",
        "//secret",
        "/one.md",
        "/one\n",
        "/folder",
    ],
)
def test_nothing_outside_of_the_folder_is_a_page(ask, folder, path):
    secret = folder.parent / "secret.md"
    secret.write_text("the secret\n")
    (folder / "link.md").symlink_to(secret)
    (folder / "door").symlink_to(folder.parent)
    (folder / ".secret.md").write_text("the secret\n")
    (folder / "folder.md").mkdir()
    answer = ask("/", PATH_INFO=path)
    assert answer.code == 404
    assert "the secret" not in answer.text


def test_a_link_that_stays_inside_is_a_page(ask, folder):
    (folder / "alias.md").symlink_to(folder / "one.md")
    assert "<h1>First *page*</h1>" in ask("/alias").text


@pytest.fixture
def rendered(monkeypatch):
    """Count what is rendered."""
    seen = []
    real = layout.render

    def render(template, here, **values):
        seen.append(here)
        return real(template, here, **values)

    monkeypatch.setattr(layout, "render", render)
    return seen


def test_a_page_is_rendered_once_until_it_is_saved(ask, folder, rendered):
    for _ in range(3):
        assert ask("/one").code == 200
    assert rendered == ["/one"]

    file = folder / "one.md"
    file.write_text("# Changed\n")
    os.utime(file, ns=(1, 1))
    assert "<h1>Changed</h1>" in ask("/one").text
    assert "<h1>Changed</h1>" in ask("/one").text
    assert rendered == ["/one", "/one"]

    file.unlink()
    assert ask("/one").code == 404
    file.write_text("# Back\n")
    assert "<h1>Back</h1>" in ask("/one").text


def test_one_rendering_serves_every_root(ask, folder, rendered):
    assert 'href="/one"' in ask("/one").text
    assert 'href="/m/one"' in ask("/one", SCRIPT_NAME="/m").text
    assert rendered == ["/one"]


def test_pages_that_do_not_exist_are_not_kept(ask, folder):
    before = len(pages._kept)
    for number in range(20):
        assert ask(f"/none{number}").code == 404
    assert len(pages._kept) == before


@pytest.mark.parametrize(
    ("text", "title", "order", "rest"),
    [
        ("", "page", sources.LAST, ""),
        ("# A\nb", "A", sources.LAST, "b"),
        ("---\ntitle: T\norder: 7\n---\n# A\nb", "T", 7, "b"),
        ("---\norder: x\n---\nb", "page", sources.LAST, "b"),
        ("---\nnot closed\n", "page", sources.LAST, "---\nnot closed\n"),
        ("a\0b", "page", sources.LAST, "a\ufffdb"),
        ("## A\n", "page", sources.LAST, "## A\n"),
    ],
)
def test_front_matter(tmp_path, text, title, order, rest):
    file = tmp_path / "page.md"
    file.write_text(text)
    source = sources.read(file, "/page")
    assert (source.title, source.order, source.text) == (title, order, rest)


def test_a_page_that_is_not_utf8_is_shown_all_the_same(ask, folder):
    (folder / "latin.md").write_bytes(b"# caf\xe9\n")
    assert "<h1>caf\ufffd</h1>" in ask("/latin").text


def test_a_code_cell_is_code(ask, folder):
    (folder / "cells.md").write_text("```{code-cell} ipython3\nprint(1 < 2)\n```\n\nafter\n")
    text = ask("/cells").text
    assert '<pre><code class="language-code-cell">print(1 &lt; 2)\n</code></pre>' in text
    assert "<p>after</p>" in text


def test_a_notebook_as_markdown_is_a_page(ask, folder):
    (folder / "book.md").write_text(
        "```{code-cell} ipython3\n:tags: [exact]\n:other: 1\n\nprint(1)\n```\n\n"
        '+++ {"explain": "x"}\n\n<details><summary>Why</summary>\n\nBecause *so*.\n\n- 1 +++ 2\n\n</details>\n\n+++\n'
    )
    text = ask("/book").text
    assert '<pre><code class="language-code-cell">print(1)\n</code></pre>' in text
    assert "<summary>Why</summary>\n<p>Because <em>so</em>.</p>" in text
    assert ":tags:" not in text
    assert "explain" not in text
    assert "<li>1 +++ 2</li>" in text


def test_headings_can_be_linked_to(ask, folder):
    (folder / "long.md").write_text("# Page\n\n## What it is: `--bind`, and *why*?\n\n## Twice\n\n## Twice\n")
    text = ask("/long").text
    assert '<h2 id="what-it-is---bind-and-why">' in text
    assert '<h2 id="twice">' in text
    assert '<h2 id="twice_1">' in text


def test_pictures_lie_among_the_pages(ask, folder):
    (folder / "part" / "a.svg").write_text("<svg/>")
    answer = ask("/part/a.svg")
    assert (answer.code, answer.text, dict(answer.headers)["Content-Type"]) == (200, "<svg/>", "image/svg+xml")
    assert ask("/part/a.svg", HTTP_IF_NONE_MATCH=dict(answer.headers)["ETag"]).code == 304
    (folder / "part" / "a.txt").write_text("no picture")
    (folder.parent / "b.svg").write_text("<svg/>")
    (folder / "link.svg").symlink_to(folder.parent / "b.svg")
    for path in ("/part/b.svg", "/part/a.txt", "/../b.svg", "/link.svg", "/part/../../b.svg"):
        assert ask(path).code == 404, path


def test_an_unknown_figure_stays_as_it_was_written(ask, folder):
    (folder / "fig.md").write_text("[[figure nothing]]\n\n[[figure sizes]]\n\n[[history nothing]]\n")
    text = ask("/fig").text
    assert "<p>[[figure nothing]]</p>" in text
    assert "<p>[[history nothing]]</p>" in text
    assert '<figure class="sizes"' in text
