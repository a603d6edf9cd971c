//! As much of Markdown as our documentation uses.

/// The text from a heading to the next one of its level or above; `None` where there is none.
pub(crate) fn section<'a>(text: &'a str, heading: &str) -> Option<&'a str> {
    let level = heading.bytes().take_while(|byte| *byte == b'#').count();
    let (mut start, mut at, mut fenced) = (None, 0, false);
    for line in text.split_inclusive('\n') {
        fenced ^= line.starts_with("```");
        let hashes = line.bytes().take_while(|byte| *byte == b'#').count();
        let ends = !fenced && (1..=level).contains(&hashes);
        match start {
            Some(from) if ends => return Some(&text[from..at]),
            None if !fenced && line.trim_end() == heading => start = Some(at + line.len()),
            _ => {}
        }
        at += line.len();
    }
    start.map(|from| &text[from..])
}

/// The rows of the table whose header begins with these columns; `None` where there is no
/// such table. A row has as many cells as the header.
pub(crate) fn table<'a>(text: &'a str, columns: &[&str]) -> Option<Vec<Vec<&'a str>>> {
    let mut lines = text.lines().skip_while(|line| !cells(line).starts_with(columns));
    let width = cells(lines.next()?).len();
    let rows = lines.skip(1).map_while(|line| line.starts_with('|').then(|| cells(line)));
    let rows: Vec<Vec<&str>> = rows.collect();
    rows.iter().all(|row| row.len() == width).then_some(rows)
}

fn cells(line: &str) -> Vec<&str> {
    let inner = line.trim().strip_prefix('|').and_then(|rest| rest.strip_suffix('|'));
    inner.map(|inner| inner.split('|').map(str::trim).collect()).unwrap_or_default()
}

/// What stands in backticks, outside of fenced blocks.
pub(crate) fn codes(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|prose| prose.split('`').skip(1).step_by(2)).collect()
}

/// The targets of links: `[...](target)`.
pub(crate) fn links(text: &str) -> Vec<&str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect()
}

#[test]
fn sections_tables_codes_and_links_are_found() {
    let text = "# a\n## b\nx `y`\n\n| p | q |\n| - | - |\n| `1` | 2 |\n\n```sh\n# c `z`\n```\n### d\n[e](f.md)\n## g\n";
    let part = section(text, "## b").unwrap();
    assert!(part.starts_with("x") && part.ends_with("[e](f.md)\n"), "{part}");
    assert_eq!(table(part, &["p"]), Some(vec![vec!["`1`", "2"]]));
    assert_eq!(table(part, &["q"]), None);
    assert_eq!(codes(part), ["y", "1"]);
    assert_eq!(links(part), ["f.md"]);
    assert_eq!(section(text, "## h"), None);
}
