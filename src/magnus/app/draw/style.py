"""The style sheets of pictures: for a file or a page of its own, and for the pages of notebooks, which have their own themes."""

from typing import Final

from magnus.app.draw.shapes import FONT

_LIGHT: Final = """
--mg-paper:#ffffff;--mg-box:#ffffff;--mg-group:#f5f7fa;--mg-panel:#ffffff;--mg-line:#8792a2;--mg-edge:#c4ccd6;
--mg-text:#1b2430;--mg-muted:#5d6b7c;--mg-task:#4f7fd6;--mg-composite:#7d8aa0;--mg-good:#218358;--mg-bad:#cf3a3a;
--mg-busy:#b87503;--mg-other:#8792a2;--mg-good-box:#e9f6ee;--mg-bad-box:#fdecec;--mg-busy-box:#fdf4e0;
--mg-other-box:#f0f2f5
"""
_DARK: Final = """
--mg-paper:#12161c;--mg-box:#1f2630;--mg-group:#181d25;--mg-panel:#12161c;
--mg-line:#7b8796;--mg-edge:#3a4553;--mg-text:#e7ecf2;--mg-muted:#9aa7b6;--mg-task:#6f9cf0;--mg-composite:#8390a5;
--mg-good:#4cc38a;--mg-bad:#ff7b72;--mg-busy:#e0a83c;--mg-other:#7b8796;--mg-good-box:#16291f;--mg-bad-box:#331b1c;
--mg-busy-box:#2f2614;--mg-other-box:#20262f
"""
_RULES: Final = """
.magnus-graph .paper{fill:var(--mg-paper)}
.magnus-graph .box{fill:var(--mg-box);stroke:var(--mg-edge)}
.magnus-graph .composite>.box{fill:var(--mg-group);stroke:var(--mg-edge)}
.magnus-graph .panel{fill:var(--mg-panel);stroke:var(--mg-edge)}
.magnus-graph .conditional>.panel{stroke-dasharray:5 4;stroke:var(--mg-line)}
.magnus-graph .bar{fill:var(--mg-task)}
.magnus-graph .stub>.bar{fill:var(--mg-edge)}
.magnus-graph .stub>.box,.magnus-graph .unreached>.box{stroke-dasharray:4 3}
.magnus-graph .composite>.bar{fill:var(--mg-composite)}
.magnus-graph .name{fill:var(--mg-text);font-size:13px;font-weight:600}
.magnus-graph .detail,.magnus-graph .label,.magnus-graph .title{fill:var(--mg-muted);font-size:11px}
.magnus-graph .title{font-weight:600}
.magnus-graph .data{fill:var(--mg-muted);font-size:11px;stroke:var(--mg-paper);stroke-width:3px;paint-order:stroke}
.magnus-graph .kind{fill:var(--mg-task);font-weight:600}
.magnus-graph .composite>.detail>.kind{fill:var(--mg-composite)}
.magnus-graph .line{fill:none;stroke:var(--mg-line);stroke-width:1.5}
.magnus-graph .line.on-failure{stroke:var(--mg-bad);stroke-dasharray:5 4}
.magnus-graph .tip{fill:var(--mg-line)}
.magnus-graph .tip.on-failure{fill:var(--mg-bad)}
.magnus-graph .end .name{text-anchor:middle}
.magnus-graph .end.success>.box{stroke:var(--mg-good);fill:var(--mg-good-box)}
.magnus-graph .end.fail>.box{stroke:var(--mg-bad);fill:var(--mg-bad-box)}
.magnus-graph .sign{fill:none;stroke:var(--mg-good);stroke-width:1.8;stroke-linecap:round;stroke-linejoin:round}
.magnus-graph .end.fail>.sign{stroke:var(--mg-bad)}
.magnus-graph .succeeded>.box{stroke:var(--mg-good);fill:var(--mg-good-box)}
.magnus-graph .succeeded>.bar{fill:var(--mg-good)}
.magnus-graph .failed>.box{stroke:var(--mg-bad);fill:var(--mg-bad-box);stroke-width:1.6}
.magnus-graph .failed>.bar{fill:var(--mg-bad)}
.magnus-graph .running>.box{stroke:var(--mg-busy);fill:var(--mg-busy-box)}
.magnus-graph .running>.bar{fill:var(--mg-busy)}
.magnus-graph .reused>.box{stroke:var(--mg-good);fill:var(--mg-box);stroke-dasharray:2 2}
.magnus-graph .reused>.bar{fill:var(--mg-good)}
.magnus-graph .waiting>.box{stroke:var(--mg-edge);fill:var(--mg-other-box)}
.magnus-graph .waiting>.bar{fill:var(--mg-other)}
.magnus-graph .waiting>.name{fill:var(--mg-muted)}
.magnus-graph .step:focus>.box,.magnus-graph .step.chosen>.box{stroke:var(--mg-task);stroke-width:2.5}
"""
_DARK_PAGES: Final = ('[data-jp-theme-light="false"]', '[data-vscode-theme-kind*="dark"]', 'html[theme="dark"]')
_LIGHT_PAGES: Final = ('[data-jp-theme-light="true"]', '[data-vscode-theme-kind="vscode-light"]')
"""The pages of Jupyter, VS Code and Colab in their themes, which differ from that of the system."""


def style() -> str:
    """The style sheet of a picture, which follows the system from light to dark."""
    return "\n".join(
        (
            f".magnus-graph{{{_LIGHT.strip()};font-family:{FONT}}}",
            f"@media (prefers-color-scheme:dark){{.magnus-graph{{{_DARK.strip()}}}}}",
            _RULES.strip(),
        )
    )


def notebook_style() -> str:
    """The same for the page of a notebook, which follows the theme of the page where that is known."""
    themes = ((_LIGHT_PAGES, _LIGHT), (_DARK_PAGES, _DARK))
    rules = (f"{','.join(f'{page} .magnus-graph' for page in pages)}{{{colours.strip()}}}" for pages, colours in themes)
    return "\n".join((style(), *rules))
