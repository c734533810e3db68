//! What does a person read when nobody is signed in, and what can they do?

use broker::account::{NotSignedIn, Sort};

use crate::voice::{Exit, Report, plain};

/// The report, with what to do next.
pub(crate) fn report(failure: &NotSignedIn) -> Report {
    let exit = match failure.sort() {
        Sort::Denied | Sort::StillRefused | Sort::NobodyToAsk => Exit::Failure,
        Sort::NotRegistered => Exit::Configuration,
        Sort::Wallet | Sort::Tls => Exit::InputOutput,
        Sort::Internal => Exit::Internal,
        Sort::NoGuardian | Sort::NoToken | Sort::OtherResource | Sort::Registration | Sort::Unavailable => Exit::Unavailable,
    };
    let mut report = Report::new(exit, plain(&failure.to_string()));
    if let Some(source) = std::error::Error::source(failure) {
        report = report.caused_by(source);
    }
    match hint(failure) {
        Some(hint) => report.hint(hint),
        None => report,
    }
}

fn hint(failure: &NotSignedIn) -> Option<String> {
    if let NotSignedIn::NoDevices { .. } = failure {
        return Some("log in with `--paste`".to_owned());
    }
    if let NotSignedIn::NobodyToAsk { server } = failure {
        return Some(format!("log in first: claviger login {}", plain(server.as_str())));
    }
    Some(match failure.sort() {
        Sort::NotRegistered => {
            "register a client there by hand, with the redirect URI `http://127.0.0.1:PORT/callback`, and give it with `--client-id ID --callback-port PORT` and, if it has \
             a secret, `--client-secret-file FILE`"
                .to_owned()
        }
        Sort::Registration => "register a client there by hand and give it with `--client-id ID`".to_owned(),
        Sort::OtherResource => "use the URL under which the server knows itself".to_owned(),
        Sort::StillRefused => "ask whoever runs the server what your account may do".to_owned(),
        Sort::Wallet => "choose another place with `claviger login --storage file`".to_owned(),
        Sort::NoToken => "some servers refuse the parameter `resource`; try `--no-resource`".to_owned(),
        _ => return None,
    })
}
