//! Is every page as it has to be? Chromium looks at each from all sides, in every language, as interop/drivers/page_checks.mjs says; the pictures stay in target/pages.

use serde_json::{Value, json};

use super::chromium;

/// A page as page_checks.mjs names it, with how its heading begins in English and in German.
pub(crate) type Shown<'p> = (&'p str, [&'p str; 2]);

/// Nothing is wrong with any of these. `task` is what a look at them needs to know.
pub(crate) fn shows(task: &Value, pages: &[Shown<'_>]) {
    let each = pages.iter().flat_map(|page| [0, 1].map(|language| faults_of(task, *page, language)));
    let faults: Vec<String> = each.flatten().collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Looks at a page in one language, and tells what is wrong with it.
fn faults_of(task: &Value, (name, headings): Shown<'_>, language: usize) -> Vec<String> {
    let mut task = task.clone();
    task["look"] = json!([name]);
    task["language"] = ["en", "de"][language].into();
    task["into"] = json!(super::repository().join("target/pages"));
    let seen = chromium::does(&task);
    let page = seen["pages"].get(0).unwrap_or_else(|| panic!("{seen:#}"));
    let (heading, expected) = (page["heading"].as_str().expect("a text"), headings[language]);
    let faults = page["faults"].as_array().expect("a list").iter().map(|fault| format!("{name}: {fault}"));
    let is_another = !heading.starts_with(expected);
    faults.chain(is_another.then(|| format!("{name}: the heading is `{heading}`, not `{expected}`"))).collect()
}
