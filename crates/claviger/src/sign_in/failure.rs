//! What does a person read when nobody is signed in, and what can they do?

use broker::account::NotSignedIn;
use outbound::protected_resource::NotFound;

use crate::voice::{Exit, Report, plain};

/// The report, with what to do next.
pub(crate) fn report(failure: &NotSignedIn) -> Report {
    let exit = match failure {
        NotSignedIn::Denied(_) | NotSignedIn::StillRefused { .. } | NotSignedIn::NobodyToAsk { .. } => Exit::Failure,
        NotSignedIn::NotRegistered { .. } => Exit::Configuration,
        NotSignedIn::Wallet(_) | NotSignedIn::Tls(_) => Exit::InputOutput,
        NotSignedIn::NoRandomNumbers => Exit::Internal,
        _ => Exit::Unavailable,
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
    Some(match failure {
        NotSignedIn::NobodyToAsk { server } => format!("log in first: claviger login {}", plain(server.as_str())),
        NotSignedIn::NotRegistered { .. } => {
            "register a client there by hand, with the redirect URI `http://127.0.0.1:PORT/callback`, and give it with `--client-id ID --callback-port PORT` and, if it has \
             a secret, `--client-secret-file FILE`"
                .to_owned()
        }
        NotSignedIn::Registration(_) => "register a client there by hand and give it with `--client-id ID`".to_owned(),
        NotSignedIn::NoGuardian(NotFound::OtherResource { .. }) => "use the URL under which the server knows itself".to_owned(),
        NotSignedIn::StillRefused { .. } => "ask whoever runs the server what your account may do".to_owned(),
        NotSignedIn::Wallet(_) => "choose another place with `claviger login --storage file`".to_owned(),
        NotSignedIn::NoToken(_) => "some servers refuse the parameter `resource`; try `--no-resource`".to_owned(),
        _ => return None,
    })
}
