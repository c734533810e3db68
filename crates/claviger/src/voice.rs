//! How do we speak?
//!
//! ★ The rules. Data that somebody may pipe goes to stdout; all talk goes to stderr. A failure is `error:` and what happened, then
//! `caused by:` for each deeper cause, then `hint:` with what to type or write. Lowercase, no full stop at the end of a single sentence,
//! backticks around literals and commands. Everything reads the same without colour. Exit codes are those of [`Exit`], documented in `--help`.
//! Text that comes from elsewhere passes through [`plain`], so that no server can drive the terminal.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 126: the program of `run` is there and cannot be started (env(1)).
    CannotStart = 126,
    /// 64: the configuration is wrong; nothing was started.
    Configuration = 64,
    /// 1: the command was carried out and the answer is no.
    Failure = 1,
    /// 74: reading or writing failed.
    InputOutput = 74,
    /// 70: a fault of Claviger itself.
    Internal = 70,
    /// 130: given up at Ctrl-C (128 and the number of INT, as shells count).
    Interrupted = 130,
    /// 127: the program of `run` is not there (env(1)).
    NoProgram = 127,
    /// 0.
    Success = 0,
    /// 143: given up at TERM.
    Terminated = 143,
    /// 69: somebody else did not answer.
    Unavailable = 69,
    /// 3: something could not be scanned, and what could is clean.
    Unread = 3,
    /// 2: the command line is wrong (clap's code).
    Usage = 2,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A failure as a person reads it.
#[derive(Debug)]
pub(crate) struct Report {
    exit: Exit,
    message: String,
    outcome: Option<&'static str>,
    causes: Vec<String>,
    hints: Vec<String>,
    details: Option<Box<str>>,
    faults: usize,
}

impl Report {
    /// What happened, in one lowercase sentence without a full stop.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), outcome: None, causes: Vec::new(), hints: Vec::new(), details: None, faults: 1 }
    }

    /// Says behind what happened what came of it; the last word stands.
    pub(crate) fn outcome(mut self, outcome: &'static str) -> Self {
        self.outcome = Some(outcome);
        self
    }

    /// Adds the error and everything that caused it.
    pub(crate) fn caused_by(mut self, error: &dyn Error) -> Self {
        let mut next = Some(error);
        while let Some(cause) = next {
            let text = plain(&cause.to_string());
            if self.causes.last() != Some(&text) {
                self.causes.push(text);
            }
            next = cause.source();
        }
        self
    }

    /// Adds what to type or write to mend it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Puts rendered findings above the message; their lines are printed as they are.
    pub(crate) fn details(mut self, details: String) -> Self {
        self.details = Some(details.into());
        self
    }

    /// How many things are wrong: one, unless findings were counted.
    pub(crate) fn of_faults(mut self, count: usize) -> Self {
        self.faults = count;
        self
    }

    /// How many things are wrong.
    pub(crate) fn faults(&self) -> usize {
        self.faults
    }

    /// The code that the process ends with.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// The report for somebody who reads one line, such as the person behind a program that shows errors.
    pub(crate) fn on_one_line(&self) -> String {
        let mut text = self.message.clone();
        for cause in &self.causes {
            let _ = write!(text, ": {cause}");
        }
        for hint in &self.hints {
            let _ = write!(text, "; {hint}");
        }
        text.replace('\n', " ")
    }

    /// The report with its colours; [`talk`] takes them out where nobody can see them.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        if let Some(details) = &self.details {
            let _ = writeln!(text, "{}\n", details.trim_end());
        }
        let outcome = self.outcome.map_or_else(String::new, |outcome| format!("; {outcome}"));
        let _ = writeln!(text, "{BAD}error:{BAD:#} {}{outcome}", self.message);
        for cause in &self.causes {
            let _ = writeln!(text, "{BAD}caused by:{BAD:#} {cause}");
        }
        for hint in &self.hints {
            let _ = writeln!(text, "{}", hint_line(hint));
        }
        text
    }
}

/// Writes data to stdout. A reader who has gone away (`| head`) is no failure.
pub(crate) fn data(text: &str) -> Result<(), Report> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Report::new(Exit::Success, "the reader of the output has gone")),
        Err(error) => Err(Report::new(Exit::InputOutput, "cannot write the output").caused_by(&error)),
    }
}

/// Writes a secret to stdout, byte for byte, as nothing else is written.
pub(crate) fn exact(text: &str) -> Result<(), Report> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Report::new(Exit::InputOutput, "cannot write the output").caused_by(&error))
}

/// Says something on stderr. That nobody listens is no failure.
pub(crate) fn talk(text: &str) {
    let mut out = anstream::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Says one `warning:` on stderr.
pub(crate) fn warn(text: &str) {
    talk(&format!("{CARE}warning:{CARE:#} {text}\n"));
}

/// Says one `hint:` on stderr.
pub(crate) fn hint(text: &str) {
    talk(&format!("{}\n", hint_line(text)));
}

/// Says how a command failed and gives the code to end with.
pub(crate) fn fail(report: &Report) -> ExitCode {
    if report.exit() != Exit::Success {
        talk(&report.render());
    }
    report.exit().into()
}

/// One `hint:` without its line end.
pub(crate) fn hint_line(text: &str) -> String {
    format!("{HINT}hint:{HINT:#} {text}")
}

/// Lines of cells, each column as wide as its widest cell.
pub(crate) fn aligned<const COLUMNS: usize>(lines: &[[String; COLUMNS]]) -> String {
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default();
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    let mut text = String::new();
    for line in lines {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}

/// Text from elsewhere with its control and format characters spelled out, so that it cannot drive the terminal. Line ends and tabs stay.
pub(crate) fn plain(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\n' | '\t') || !(character.is_control() || is_invisible(character)) {
            clean.push(character);
        } else {
            let _ = write!(clean, "{}", character.escape_unicode());
        }
    }
    clean
}

/// Whether the character reorders or hides its neighbours: bidirectional controls, zero-width characters, tags.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Colour of `error:` and `caused by:`.
pub(crate) const BAD: Style = Style::new().bold().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red)));
/// Colour of `warning:`.
pub(crate) const CARE: Style = Style::new().bold().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow)));
/// Colour of `hint:`.
const HINT: Style = Style::new().bold().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Cyan)));

#[cfg(test)]
mod tests {
    use super::{Exit, Report, plain};

    #[derive(Debug, thiserror::Error)]
    #[error("the lock is stuck")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn a_report_names_every_cause_and_hint_in_order() {
        let cause = Outer(std::io::Error::other("rust\u{1b}[2J"));
        let report = Report::new(Exit::InputOutput, "cannot open the door").caused_by(&cause).hint("oil it");
        let text = anstream::adapter::strip_str(&report.render()).to_string();
        assert_eq!(text, "error: cannot open the door\ncaused by: the lock is stuck\ncaused by: rust\\u{1b}[2J\nhint: oil it\n");
        assert_eq!(report.exit() as u8, 74);
    }

    #[test]
    fn foreign_text_cannot_drive_the_terminal() {
        assert_eq!(plain("a\u{1b}]0;x\u{7}b\nc\td"), "a\\u{1b}]0;x\\u{7}b\nc\td");
        assert_eq!(plain("safe\u{202e}txt"), "safe\\u{202e}txt");
        assert_eq!(plain("žluťoučký kůň 🐴"), "žluťoučký kůň 🐴");
    }
}
