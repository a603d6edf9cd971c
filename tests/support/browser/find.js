// Finds what a person would: by its kind and its accessible name, among what can be seen. With names for a failure.
const [kind, wanted] = arguments;
const KINDS = {
    button: "button, summary, input[type=submit], [role=button], [role=tab], [role=menuitem]",
    field: "input:not([type=hidden], [type=submit]), textarea, select, [role=textbox], [role=combobox]",
    link: "a[href], [role=link]",
};

const squeezed = (text) => text.replace(/\s+/g, " ").trim();
const isSeen = (element) => element.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true });

function textOf(node) {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    if (node.nodeType !== Node.ELEMENT_NODE || node.ariaHidden === "true" || !isSeen(node)) return "";
    if (node.matches("input, textarea, select")) return "";
    if (node.ariaLabel) return node.ariaLabel;
    if (node.matches("img")) return node.alt;
    const text = [...node.childNodes].map(textOf).join("");
    return getComputedStyle(node).display.startsWith("inline") ? text : ` ${text} `;
}

function nameOf(element) {
    const labelledBy = element.ariaLabelledByElements ?? [];
    if (labelledBy.length > 0) return labelledBy.map(textOf).join(" ");
    if (element.ariaLabel) return element.ariaLabel;
    if (element.matches("input[type=submit]")) return element.value;
    const labels = [...(element.labels ?? [])];
    if (labels.length > 0) return labels.map(textOf).join(" ");
    return textOf(element) || element.title;
}

const seen = [...document.querySelectorAll(KINDS[kind])].filter(isSeen);
const names = seen.map((element) => squeezed(nameOf(element)));
return { found: seen.filter((_, n) => names[n] === wanted), names };
