//! What does a person type when a credential cannot be had? Said where it is plain; everything else is for whoever looks after the place.

use broker::missing::{Cause, Missing};
use broker::reference::{Place, Reference};

use crate::voice::Report;

/// The report with everything that caused it, and with the mend.
pub(crate) fn caused_by_missing(report: Report, missing: &Missing) -> Report {
    let report = report.caused_by(missing);
    match mend(missing) {
        Some(mend) => report.hint(mend),
        None => report,
    }
}

/// What to type or write so that the credential is there.
pub(crate) fn mend(missing: &Missing) -> Option<String> {
    if let Cause::LoginMissing(login) = &missing.cause {
        return mend(login);
    }
    let reference: Reference = missing.credential.parse().ok().filter(|_| missing.cause.is_absence())?;
    match reference.place() {
        // What has members is no text to type.
        Place::File(_) | Place::Keychain(_) if reference.field().is_none() => {
            Some(format!("put it there with `claviger secrets put {reference}`"))
        }
        Place::Variable(name) => {
            let name = name.as_str();
            let put = format!("claviger secrets put keychain://claviger/{name}");
            Some(format!("set `{name}` where `claviger` is started; or type `{put}`, and write that reference instead"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::{Cause, Missing, mend};

    fn missing(credential: &str, cause: Cause) -> Missing {
        Missing { credential: credential.into(), cause }
    }

    #[test]
    fn what_is_not_there_can_be_put_there() {
        let variable = missing("env://BRAVE_API_KEY", Cause::NotSet);
        assert!(mend(&variable).unwrap().starts_with("set `BRAVE_API_KEY` where `claviger` is started"));
        for (reference, cause) in [("file://./key", Cause::Unreadable(ErrorKind::NotFound)), ("keychain://claviger/key", Cause::NotFound)] {
            assert_eq!(mend(&missing(reference, cause)).unwrap(), format!("put it there with `claviger secrets put {reference}`"));
        }
        let login = missing("vault://kv/a#b", Cause::LoginMissing(Box::new(variable)));
        assert!(mend(&login).unwrap().contains("`BRAVE_API_KEY`"));
    }

    #[test]
    fn where_it_takes_somebody_else_nothing_is_promised() {
        for (credential, cause) in [
            ("vault://kv/a#b", Cause::NotFound),
            ("file://./key", Cause::Unreadable(ErrorKind::PermissionDenied)),
            ("file://./key#member", Cause::Unreadable(ErrorKind::NotFound)),
            ("env://KEY", Cause::Empty),
            ("token of the door at https://idp.example", Cause::NotFound),
        ] {
            assert_eq!(mend(&missing(credential, cause)), None, "{credential}");
        }
    }
}
