//! What did the door count? The page of the admin listener, read.

/// One scrape.
#[derive(Clone, Debug)]
pub(crate) struct Metrics(pub(crate) String);

impl Metrics {
    /// The sum, in whole numbers, of all series of this name whose labels hold every one of `labels`, written `name="value"`.
    pub(crate) fn sum(&self, name: &str, labels: &[&str]) -> u64 {
        let lines = self.0.lines().filter(|line| !line.starts_with('#'));
        let of_name = lines.filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
        of_name.filter(|line| labels.iter().all(|label| line.contains(label))).map(value_of).sum()
    }

    /// How many series there are.
    pub(crate) fn series(&self) -> usize {
        self.0.lines().filter(|line| !line.starts_with('#')).count()
    }
}

fn value_of(line: &str) -> u64 {
    line.rsplit(' ').next().and_then(|value| value.split('.').next()?.parse().ok()).unwrap_or_else(|| panic!("no value in {line}"))
}
