//! How far is the server? One line on the terminal that is drawn over itself, and gone when something else is said.

use crate::client::host::Progress;
use crate::voice::{self, plain};

/// The line.
#[derive(Default)]
pub(super) struct Bar {
    /// How many characters of it stand there.
    width: usize,
}

impl Bar {
    pub(super) fn draw(&mut self, progress: &Progress) {
        let line = line(progress);
        let width = line.chars().count();
        // Blanks over what is left of a longer one.
        voice::talk(&format!("\r{line}{}", " ".repeat(self.width.saturating_sub(width))));
        self.width = width;
    }

    pub(super) fn wipe(&mut self) {
        if self.width > 0 {
            voice::talk(&format!("\r{}\r", " ".repeat(self.width)));
            self.width = 0;
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.wipe();
    }
}

fn line(progress: &Progress) -> String {
    let message = plain(progress.message.as_deref().unwrap_or_default()).replace(['\n', '\t'], " ");
    let known = progress.total.filter(|&total| total > 0.0).map(|total| (progress.done / total).clamp(0.0, 1.0));
    let how_far = known.map_or_else(|| format!("{}", progress.done), |part| format!("[{}] {:>3.0} %", drawn(part), part * 100.0));
    let line = format!("{how_far} {message}");
    line.trim_end().chars().take(WIDEST).collect()
}

fn drawn(part: f64) -> String {
    // Of a number from 0 to 1.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a small whole number")]
    let full = (part * LENGTH as f64).round() as usize;
    format!("{}{}", "#".repeat(full), ".".repeat(LENGTH.saturating_sub(full)))
}

const LENGTH: usize = 24;
/// Narrower than any terminal: a line that breaks cannot be drawn over.
const WIDEST: usize = 78;

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(done: f64, total: Option<f64>, message: &str) -> String {
        line(&Progress { done, total, message: Some(message.to_owned()) })
    }

    #[test]
    fn a_known_end_is_a_bar_and_an_unknown_one_a_number() {
        assert_eq!(shown(1.0, Some(4.0), "one\nstep"), "[######..................]  25 % one step");
        assert_eq!(shown(9.0, Some(4.0), ""), "[########################] 100 %");
        assert_eq!(shown(7.0, None, "x\u{1b}"), "7 x\\u{1b}");
        assert_eq!(shown(7.0, Some(0.0), ""), "7");
        assert_eq!(shown(f64::NAN, Some(1.0), "m").chars().count(), "[........................] NaN % m".len());
        assert_eq!(shown(1.0, None, &"x".repeat(200)).len(), WIDEST);
    }
}
