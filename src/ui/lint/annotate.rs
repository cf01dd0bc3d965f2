//! Lint findings as GitHub workflow commands, which annotate the lines of a pull request.

use crate::lint::{Finding, Report, Severity};
use crate::ui::terminal_safe;

/// One workflow command per finding.
pub fn lines(report: &Report) -> Vec<String> {
    report.all_findings().iter().map(line).collect()
}

fn line(finding: &Finding) -> String {
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "notice",
    };
    let mut properties = vec![
        ("file", property(&finding.path.display().to_string())),
        ("line", finding.line.to_string()),
        ("col", finding.column.to_string()),
    ];
    if let Some((line, column)) = finding.end {
        properties.push(("endLine", line.to_string()));
        // `endColumn` is valid only within one line.
        if line == finding.line {
            properties.push(("endColumn", column.to_string()));
        }
    }
    properties.push(("title", property(&format!("{} {}", finding.engine, finding.code))));
    let properties: Vec<String> = properties.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let message = match &finding.note {
        Some(note) => format!("{}\n{}:{}: {}", finding.message, note.from.0, note.from.1, note.message),
        None => finding.message.clone(),
    };
    format!("::{command} {}::{}", properties.join(","), data(&message))
}

/// Escapes the message after `::` as GitHub's toolkit does (actions/toolkit, command.ts).
fn data(text: &str) -> String {
    terminal_safe(&text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A"))
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_messages_and_properties() {
        assert_eq!(data("100%\r\n::error::x\u{1b}[31m"), "100%25%0D%0A::error::x\u{fffd}[31m");
        assert_eq!(property("a,b:c%\n.nix"), "a%2Cb%3Ac%25%0A.nix");
    }
}
