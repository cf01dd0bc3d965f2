//! Texts in GitHub-flavoured Markdown. Names, logs and notes come from anyone with push access: none of them can add markup, mention a
//! person or refer to an issue.

/// A text as a code span. With `in_table`, pipes are escaped: they would end the cell.
pub fn code(text: &str, in_table: bool) -> String {
    let text = text.replace(['\n', '\r'], " ");
    if text.trim().is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    // A space on both sides is removed; without it, the backticks of the text would join the fence.
    let space = if text.starts_with('`') || text.ends_with('`') || text.starts_with(' ') { " " } else { "" };
    let span = format!("{fence}{space}{text}{space}{fence}");
    if in_table { span.replace('|', "\\|") } else { span }
}

/// Lines as a code block.
pub fn block(language: &str, lines: &[String]) -> String {
    let longest = lines.iter().map(|line| longest_run(line)).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    format!("{fence}{language}\n{text}{fence}\n")
}

/// One line of text without markup.
pub fn line(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut chars = text.trim().chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\n' | '\r' => escaped.push(' '),
            c if c.is_ascii_punctuation() => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
        // Forges look for `@user`, `#1`, `!1`, `GH-1` in text: a comment separates the two.
        if is_reference(c) && chars.peek().is_some_and(|next| next.is_alphanumeric()) {
            escaped.push_str("<!-- -->");
        }
    }
    escaped
}

/// Lines as a quotation.
pub fn quotation(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(with_links).collect();
    let last = lines.len().saturating_sub(1);
    // A backslash at the end breaks the line. An empty line begins a paragraph.
    let ends = |i: usize| if i < last && !lines[i].is_empty() && !lines[i + 1].is_empty() { "\\" } else { "" };
    lines.iter().enumerate().map(|(i, line)| format!("> {line}{}\n", ends(i))).collect::<Vec<_>>().concat()
}

/// One line of text without markup, with its URLs as links.
fn with_links(text: &str) -> String {
    let word = |word: &str| match url(word) {
        Some(url) => format!("<{url}>{}", line(&word[url.len()..])),
        None => line(word),
    };
    text.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

/// The URL at the beginning of a word. It shows where it leads: it has no user name, and only ASCII characters.
fn url(word: &str) -> Option<&str> {
    let rest = word.strip_prefix("https://").or_else(|| word.strip_prefix("http://"))?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || "./_~:?=&%#+,;-".contains(c);
    let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    let url = word[..word.len() - rest.len() + end].trim_end_matches(['.', ',', ';', ':', '?']);
    (end == rest.len() || !rest[end..].contains('@')).then_some(url).filter(|url| !url.ends_with('/') || url.len() > 8)
}

fn is_reference(c: char) -> bool {
    matches!(c, '@' | '#' | '!' | '$' | '%' | '~' | '-' | '^')
}

fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn code_spans_hold_anything() {
        assert_eq!(code("a/b", true), "`a/b`");
        assert_eq!(code("a|b `c` ``d", true), "```a\\|b `c` ``d```");
        assert_eq!(code("`a`", false), "`` `a` ``");
        assert_eq!(code("a\nb", false), "`a b`");
        assert_eq!(code(" \n", false), "");
    }

    #[test]
    fn fence_is_longer_than_those_in_the_log() {
        let lines = ["```", "</details>", "````sh"].map(str::to_owned);
        assert_eq!(block("text", &lines), "`````text\n```\n</details>\n````sh\n`````\n");
        assert_eq!(block("", &[]), "```\n```\n");
    }

    #[test]
    fn text_has_no_markup_and_mentions_nobody() {
        assert_eq!(line("hi @ada, see #12"), "hi \\@<!-- -->ada\\, see \\#<!-- -->12");
        assert_eq!(line("<b>*x*</b> | [a](b)"), "&lt;b&gt;\\*x\\*&lt;\\/b&gt; \\| \\[a\\]\\(b\\)");
        assert_eq!(line("GH-12 & 1. x"), "GH\\-<!-- -->12 &amp; 1\\. x");
    }

    #[test]
    fn urls_are_links_that_show_where_they_lead() {
        let quoted = quotation("see https://x.org/a_b?c=1#d. Or http://y.org), https://x.org@evil.org <https://z>");
        assert_eq!(
            quoted,
            "> see <https://x.org/a_b?c=1#d>\\. Or <http://y.org>\\)\\, https\\:\\/\\/x\\.org\\@<!-- -->evil\\.org \
             &lt;https\\:\\/\\/z&gt;\n"
        );
    }

    #[test]
    fn quotation_keeps_lines_and_paragraphs() {
        assert_eq!(quotation("a\n- b\n\n# c"), "> a\\\n> \\- b\n> \n> \\# c\n");
    }

    proptest! {
        #[test]
        fn escaped_line_has_no_bare_markup(text in "\\PC{0,40}") {
            let escaped = line(&text).replace("<!-- -->", "");
            let mut before = ' ';
            for c in escaped.chars() {
                let is_plain = !c.is_ascii_punctuation() || before == '\\' || c == '\\' || "&;".contains(c);
                prop_assert!(is_plain, "`{}` of `{}`", c, escaped);
                before = if before == '\\' { ' ' } else { c };
            }
        }

        #[test]
        fn fence_ends_only_at_its_end(lines in prop::collection::vec("[`a ~]{0,8}", 0..5)) {
            let block = block("", &lines);
            let fence = block.lines().next().unwrap();
            prop_assert!(lines.iter().all(|line| !line.contains(fence)));
        }
    }
}
