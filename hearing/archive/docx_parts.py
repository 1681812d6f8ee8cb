"""The fixed parts of a DOCX file: its types, relationships, styles and settings."""

from xml.sax.saxutils import quoteattr

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml"

CONTENT_TYPES = (
    f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>'
    f'<Override PartName="/word/document.xml" ContentType="{_TYPE}.document.main+xml"/>'
    f'<Override PartName="/word/styles.xml" ContentType="{_TYPE}.styles+xml"/>'
    f'<Override PartName="/word/settings.xml" ContentType="{_TYPE}.settings+xml"/>'
    f'<Override PartName="/word/footer1.xml" ContentType="{_TYPE}.footer+xml"/>'
    "</Types>"
)

RELATIONSHIPS = (
    f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="document" Type="{_OFFICE}/officeDocument" Target="word/document.xml"/>'
    f'<Relationship Id="core" Type="{_PACKAGE}/relationships/metadata/core-properties" Target="docProps/core.xml"/>'
    "</Relationships>"
)

SETTINGS = (
    f'{_XML}<w:settings {_W}><w:defaultTabStop w:val="720"/><w:characterSpacingControl w:val="doNotCompress"/>'
    '<w:compat><w:compatSetting w:name="compatibilityMode" w:uri="http://schemas.microsoft.com/office/word" '
    'w:val="15"/></w:compat></w:settings>'
)

_FONTS = '<w:rFonts w:ascii="Times New Roman" w:hAnsi="Times New Roman" w:cs="Times New Roman" w:eastAsia="SimSun"/>'


def document(paragraphs: str, *, rtl: bool) -> str:
    """Return the main part: A4, with a footer."""
    bidi = "<w:bidi/>" if rtl else ""
    return (
        f"{_XML}<w:document {_W} {_R}><w:body>{paragraphs}<w:sectPr>"
        '<w:footerReference w:type="default" r:id="footer"/><w:pgSz w:w="11906" w:h="16838"/>'
        '<w:pgMar w:top="1417" w:right="1304" w:bottom="1417" w:left="1304" '
        'w:header="709" w:footer="709" w:gutter="0"/>'
        f"{bidi}</w:sectPr></w:body></w:document>"
    )


def document_relationships(links: list[str]) -> str:
    """Return where the document's styles, footer and links are."""
    inner = "".join(
        f'<Relationship Id="{kind}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for kind, target in (("styles", "styles.xml"), ("settings", "settings.xml"), ("footer", "footer1.xml"))
    )
    outer = "".join(
        f'<Relationship Id="link{n}" Type="{_OFFICE}/hyperlink" Target={quoteattr(link)} TargetMode="External"/>'
        for n, link in enumerate(links, 1)
    )
    return f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{inner}{outer}</Relationships>'


def styles(language: str, indent: int) -> str:
    """Return the styles; `language` is the w:lang of the document, `indent` the margin for times."""
    hanging = f'<w:tabs><w:tab w:val="left" w:pos="{indent}"/></w:tabs>'
    return (
        f"{_XML}<w:styles {_W}><w:docDefaults><w:rPrDefault><w:rPr>{_FONTS}"
        f'<w:sz w:val="23"/><w:szCs w:val="25"/>{language}</w:rPr></w:rPrDefault>'
        '<w:pPrDefault><w:pPr><w:spacing w:after="120" w:line="300" w:lineRule="auto"/></w:pPr></w:pPrDefault>'
        "</w:docDefaults>"
        '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style>'
        + _style("Heading1", "heading 1", '<w:keepNext/><w:spacing w:after="60"/><w:outlineLvl w:val="0"/>', _size(44))
        + _style("About", "About", '<w:spacing w:after="60"/>', "")
        + _style("Status", "Status", '<w:spacing w:before="60" w:after="60"/>', f'<w:color w:val="4C565D"/>{_size(19)}')
        + _style(
            "Source", "Source", '<w:spacing w:before="60" w:after="360"/>', f'<w:color w:val="4C565D"/>{_size(19)}'
        )
        + _style("Speaker", "Speaker", '<w:keepNext/><w:spacing w:before="200" w:after="0"/>', "<w:b/><w:bCs/>")
        + _style(
            "Said", "Said", f'{hanging}<w:spacing w:before="60"/><w:ind w:left="{indent}" w:hanging="{indent}"/>', ""
        )
        + _style(
            "Footer",
            "footer",
            '<w:tabs><w:tab w:val="right" w:pos="9298"/></w:tabs><w:spacing w:after="0"/>',
            f'<w:color w:val="4C565D"/>{_size(17)}',
        )
        + _style("Time", "Time", "", f'<w:color w:val="00566B"/>{_size(19)}', "character")
        + _style("Missing", "Missing words", "", '<w:color w:val="4C565D"/>', "character")
        + "</w:styles>"
    )


def footer(paragraphs: str) -> str:
    """Return the footer."""
    return f"{_XML}<w:ftr {_W}>{paragraphs}</w:ftr>"


def field(name: str) -> str:
    """Return a field that Word fills in: PAGE, NUMPAGES."""
    return f'<w:fldSimple w:instr=" {name} "><w:r><w:t>1</w:t></w:r></w:fldSimple>'


def core(*, title: str, description: str, language: str, identifier: str, created: str) -> str:
    """Return the properties of the document; the values are escaped already."""
    when = f'<dcterms:created xsi:type="dcterms:W3CDTF">{created}</dcterms:created>' if created else ""
    return (
        f'{_XML}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<dc:title>{title}</dc:title><dc:creator>hearing</dc:creator><dc:description>{description}</dc:description>"
        f"<dc:identifier>{identifier}</dc:identifier><dc:language>{language}</dc:language>{when}</cp:coreProperties>"
    )


def _size(half_points: int) -> str:
    return f'<w:sz w:val="{half_points}"/><w:szCs w:val="{half_points + 2}"/>'


def _style(name: str, title: str, paragraph: str, run: str, kind: str = "paragraph") -> str:
    based = '<w:basedOn w:val="Normal"/>' if kind == "paragraph" else ""
    ppr = f"<w:pPr>{paragraph}</w:pPr>" if paragraph else ""
    rpr = f"<w:rPr>{run}</w:rPr>" if run else ""
    return (
        f'<w:style w:type="{kind}" w:styleId="{name}"><w:name w:val="{title}"/>{based}<w:qFormat/>{ppr}{rpr}</w:style>'
    )
