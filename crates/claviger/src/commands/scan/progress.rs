//! How far is a scan? A line on the terminal of whoever would wait else, gone at the end. Where talk goes into a file or a pipe, there is none.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How many files were looked at, for a person to see.
pub(super) struct Progress {
    total: Option<usize>,
    done: usize,
    bar: ProgressBar,
}

impl Progress {
    /// Through so many files.
    pub(super) fn of(files: usize) -> Self {
        Self { total: Some(files), done: 0, bar: ProgressBar::hidden() }
    }

    /// Through whatever comes.
    pub(super) fn without_end() -> Self {
        Self { total: None, done: 0, bar: ProgressBar::hidden() }
    }

    /// One more; the first few are over before anybody could read it.
    pub(super) fn step(&mut self) {
        self.done += 1;
        if self.done == FEW {
            self.bar = bar(self.total);
        }
        self.bar.set_position(self.done as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// It draws nothing where stderr is no terminal.
fn bar(total: Option<usize>) -> ProgressBar {
    let template = if total.is_some() { "{bar:30} {pos} of {len} files" } else { "{spinner} {pos} files" };
    let bar = ProgressBar::with_draw_target(total.map(|total| total as u64), ProgressDrawTarget::stderr());
    // The template is one that a test draws.
    if let Ok(style) = ProgressStyle::with_template(template) { bar.with_style(style) } else { bar }
}

const FEW: usize = 100;
