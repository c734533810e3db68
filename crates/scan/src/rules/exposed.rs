//! Which rule speaks for a secret? Each is reported once, by the rule that tells most about it.

use crate::Case;
use crate::classify::Class;
use crate::finding::{Category, Remark};
use crate::mask::Masked;
use crate::model::Place;
use crate::secrets::{Exposure, Secret};

/// How a live secret lies open, in the order in which it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exposed {
    Comment,
    Template,
    Permission,
    Doubtful,
    Wallet,
    Token,
    Default,
    Composite,
    Address,
    Argument,
    Literal,
}

/// The live secrets that lie open in one way.
pub(super) fn remarks(case: &Case<'_>, which: Exposed, what: &str) -> Vec<Remark> {
    live(case).filter(|secret| exposed(case, secret) == which).map(|secret| remark(case, secret, what)).collect()
}

/// The secrets that work, as far as can be told from here.
pub(super) fn live<'a>(case: &'a Case<'_>) -> impl Iterator<Item = &'a Secret> {
    case.secrets.iter().filter(|secret| secret.verdict.class == Class::LiveLooking)
}

/// Says what a secret is, and of the secret itself no more than its shape.
pub(super) fn remark(case: &Case<'_>, secret: &Secret, what: &str) -> Remark {
    let name = secret.name.trim_start_matches('-');
    let named = if name.is_empty() { String::new() } else { format!(" in `{name}`") };
    let mut remark = Remark::new(category(secret), secret.span.clone(), format!("{what}{named}: {}", secret.verdict.reason));
    remark.masked = Some(Masked::of(&secret.value, case.key));
    remark
}

fn exposed(case: &Case<'_>, secret: &Secret) -> Exposed {
    if secret.place == Place::Comment {
        return Exposed::Comment;
    }
    if is_template(case.source.name) {
        return Exposed::Template;
    }
    if secret.place == Place::Permission {
        return Exposed::Permission;
    }
    if super::s017::is_doubtful(&secret.value) {
        return Exposed::Doubtful;
    }
    match secret.exposure {
        Exposure::Wallet => Exposed::Wallet,
        Exposure::Token => Exposed::Token,
        Exposure::Default => Exposed::Default,
        Exposure::Composite => Exposed::Composite,
        Exposure::Address => Exposed::Address,
        Exposure::Literal if secret.place == Place::Argument => Exposed::Argument,
        Exposure::Literal => Exposed::Literal,
    }
}

fn is_template(name: &str) -> bool {
    [".example", ".sample", ".template", ".dist", ".tpl"].iter().any(|ending| name.ends_with(ending)) || name.contains(".example.")
}

fn category(secret: &Secret) -> Category {
    match (secret.exposure, secret.place) {
        (Exposure::Address, _) => Category::SecretInUrl,
        (_, Place::Argument) => Category::SecretInArgs,
        _ => Category::HardcodedSecret,
    }
}
