//! In what words? Every sentence of the pages, in each language.

use pages::language::Language;
use pages::phrase::Phrase;

use super::Problem;

/// The sentences of one language.
pub(super) struct Words {
    pub(super) list: &'static str,
    pub(super) list_empty: &'static str,
    pub(super) is_connected: &'static str,
    pub(super) is_not_connected: &'static str,
    pub(super) choose: &'static str,
    pub(super) choose_lead: &'static str,
    pub(super) sign_in: &'static str,
    pub(super) consent: Phrase,
    pub(super) consent_lead: &'static str,
    pub(super) consent_again_lead: &'static str,
    pub(super) asked_for: &'static str,
    pub(super) sent_to: &'static str,
    pub(super) kept: &'static str,
    pub(super) connect: Phrase,
    pub(super) connect_again: &'static str,
    pub(super) disconnect: &'static str,
    pub(super) leave: Phrase,
    pub(super) leave_lead: Phrase,
    pub(super) go_on: &'static str,
    pub(super) connected: Phrase,
    pub(super) close: &'static str,
    pub(super) disconnected: Phrase,
    pub(super) taken_back: &'static str,
    pub(super) forgotten: &'static str,
    pub(super) signed_out: Sentences,
    pub(super) signed_in_as: &'static str,
    pub(super) signed_in_by: &'static str,
    pub(super) sign_out: &'static str,
    away: Sentences,
    broken: Sentences,
    for_somebody_else: Sentences,
    link_ended: Sentences,
    not_admitted: Sentences,
    no_errand: Sentences,
    nobody_by_link: Sentences,
    nobody: Sentences,
    no_page: Sentences,
    not_signed_in: Sentences,
    said_no: Sentences,
    too_often: Sentences,
    unreadable: Sentences,
}

/// What happened, and what to do.
type Sentences = (&'static str, &'static str);

impl Words {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }

    pub(super) fn problem(&self, problem: &Problem) -> Sentences {
        match problem {
            Problem::Away => self.away,
            Problem::Broken => self.broken,
            Problem::ForSomebodyElse { .. } => self.for_somebody_else,
            Problem::LinkEnded => self.link_ended,
            Problem::NotAdmitted { .. } => self.not_admitted,
            Problem::NoErrand => self.no_errand,
            Problem::NobodyCanSignIn { by_link: true } => self.nobody_by_link,
            Problem::NobodyCanSignIn { by_link: false } => self.nobody,
            Problem::NoSuchPage => self.no_page,
            Problem::NotSignedIn => self.not_signed_in,
            Problem::SaidNo => self.said_no,
            Problem::TooOften => self.too_often,
            Problem::Unreadable => self.unreadable,
        }
    }
}

static ENGLISH: Words = Words {
    list: "Your connections",
    list_empty: "There is no server here that needs an account of your own.",
    is_connected: "connected",
    is_not_connected: "not connected",
    choose: "Who are you?",
    choose_lead: "Sign in where the tokens of your client come from.",
    sign_in: "Sign in",
    consent: Phrase("Connect to “{}”"),
    consent_lead: "Your clients need your own account there. You sign in there next, and say whether you agree.",
    consent_again_lead: "Your clients use your own account there. You can connect anew, with another account for example, or disconnect.",
    asked_for: "This is asked for:",
    sent_to: "You are sent to",
    kept: "Only your own calls use it. What you grant is kept encrypted, and you can take it back here at any time. If you did not ask for \
           this, close the page.",
    connect: Phrase("Continue to {}"),
    connect_again: "Connect anew",
    disconnect: "Disconnect",
    leave: Phrase("On to {}"),
    leave_lead: Phrase("You are sent there to connect your account at “{}”."),
    go_on: "Go on if nothing happens",
    connected: Phrase("You are connected to “{}”"),
    close: "You can close this page and go on in your client.",
    disconnected: Phrase("You are no longer connected to “{}”"),
    taken_back: "What you had granted was taken back, there and here.",
    forgotten: "What you had granted is forgotten here. The other side was not told: take it back in your account there, too.",
    signed_out: ("You are signed out", "Your connections stay as they are."),
    signed_in_as: "Signed in as",
    signed_in_by: "by",
    sign_out: "Sign out",
    away: (
        "The other side does not answer as it should",
        "Nothing was changed. Try again in a minute; if it stays so, tell whoever runs this service.",
    ),
    broken: ("Something is wrong here", "Nothing was changed. Try again in a minute, or tell whoever runs this service."),
    for_somebody_else: (
        "This link is for somebody else",
        "It was made for another person than the one who is signed in here. If somebody sent it to you, close this page. If it is your own, \
         sign out and open it again.",
    ),
    link_ended: ("This link is no longer good", "Links are good for a quarter of an hour. Go back to your client and try again."),
    not_admitted: ("You have no access to this server", "Sign out to use another account, or ask whoever runs this service."),
    no_errand: (
        "This answer belongs to no question of yours",
        "It may have been used already, have taken too long, or come from another browser. Nothing was changed. Start again from your client.",
    ),
    nobody_by_link: ("Open the link that your client shows", "This page cannot tell who you are; the link from your client does."),
    nobody: ("Nobody can sign in here yet", "This service has not been told how people sign in. Tell whoever runs it."),
    no_page: ("There is no such page", "Look at the address again, or go back to your client."),
    not_signed_in: ("Signing in did not work", "Nothing was changed. Start again from your client."),
    said_no: ("You are not connected", "You said no, and nothing was changed. You can close this page."),
    too_often: ("Too much at once", "This page was asked for too often from where you are. Wait a minute, then try again."),
    unreadable: ("This request cannot be read", "Nothing was changed. Start again from your client."),
};

static GERMAN: Words = Words {
    list: "Ihre Verbindungen",
    list_empty: "Hier gibt es keinen Server, der ein eigenes Konto von Ihnen braucht.",
    is_connected: "verbunden",
    is_not_connected: "nicht verbunden",
    choose: "Wer sind Sie?",
    choose_lead: "Melden Sie sich dort an, woher die Tokens Ihrer App kommen.",
    sign_in: "Anmelden",
    consent: Phrase("Mit „{}“ verbinden"),
    consent_lead: "Ihre Apps brauchen dort Ihr eigenes Konto. Sie melden sich gleich dort an und sagen, ob Sie zustimmen.",
    consent_again_lead: "Ihre Apps benutzen dort Ihr eigenes Konto. Sie können es neu verbinden, etwa mit einem anderen Konto, oder die Verbindung \
                         trennen.",
    asked_for: "Darum wird gebeten:",
    sent_to: "Sie kommen zu",
    kept: "Nur Ihre eigenen Aufrufe benutzen es. Was Sie erlauben, wird verschlüsselt aufbewahrt, und Sie können es hier jederzeit zurücknehmen. \
           Haben Sie nicht darum gebeten, schließen Sie die Seite.",
    connect: Phrase("Weiter zu {}"),
    connect_again: "Neu verbinden",
    disconnect: "Verbindung trennen",
    leave: Phrase("Weiter zu {}"),
    leave_lead: Phrase("Dort verbinden Sie Ihr Konto bei „{}“."),
    go_on: "Weiter, falls nichts geschieht",
    connected: Phrase("Sie sind mit „{}“ verbunden"),
    close: "Sie können diese Seite schließen und in Ihrer App weitermachen.",
    disconnected: Phrase("Sie sind nicht mehr mit „{}“ verbunden"),
    taken_back: "Was Sie erlaubt hatten, ist zurückgenommen, dort und hier.",
    forgotten: "Was Sie erlaubt hatten, ist hier vergessen. Die andere Seite weiß davon nichts: Nehmen Sie es auch dort in Ihrem Konto zurück.",
    signed_out: ("Sie sind abgemeldet", "Ihre Verbindungen bleiben, wie sie sind."),
    signed_in_as: "Angemeldet als",
    signed_in_by: "bei",
    sign_out: "Abmelden",
    away: (
        "Die andere Seite antwortet nicht, wie sie sollte",
        "Es wurde nichts geändert. Versuchen Sie es in einer Minute noch einmal; bleibt es dabei, sagen Sie es denen, die diesen Dienst betreiben.",
    ),
    broken: (
        "Hier stimmt etwas nicht",
        "Es wurde nichts geändert. Versuchen Sie es in einer Minute noch einmal, oder sagen Sie es denen, die diesen Dienst betreiben.",
    ),
    for_somebody_else: (
        "Dieser Link ist für jemand anderen",
        "Er wurde für eine andere Person gemacht als die, die hier angemeldet ist. Hat ihn Ihnen jemand geschickt, schließen Sie diese Seite. Ist es \
         Ihr eigener, melden Sie sich ab und öffnen ihn noch einmal.",
    ),
    link_ended: (
        "Dieser Link gilt nicht mehr",
        "Links gelten eine Viertelstunde. Kehren Sie zu Ihrer App zurück und versuchen Sie es noch einmal.",
    ),
    not_admitted: (
        "Sie haben keinen Zugang zu diesem Server",
        "Melden Sie sich ab, um ein anderes Konto zu benutzen, oder fragen Sie die, die diesen Dienst betreiben.",
    ),
    no_errand: (
        "Diese Antwort gehört zu keiner Frage von Ihnen",
        "Vielleicht wurde sie schon benutzt, hat zu lange gebraucht oder kommt aus einem anderen Browser. Es wurde nichts geändert. Beginnen Sie in \
         Ihrer App noch einmal.",
    ),
    nobody_by_link: (
        "Öffnen Sie den Link, den Ihre App zeigt",
        "Diese Seite weiß nicht, wer Sie sind; der Link aus Ihrer App sagt es ihr.",
    ),
    nobody: (
        "Noch kann sich hier niemand anmelden",
        "Dieser Dienst weiß noch nicht, wie Menschen sich anmelden. Sagen Sie es denen, die ihn betreiben.",
    ),
    no_page: ("Diese Seite gibt es nicht", "Sehen Sie sich die Adresse noch einmal an, oder kehren Sie zu Ihrer App zurück."),
    not_signed_in: ("Die Anmeldung hat nicht geklappt", "Es wurde nichts geändert. Beginnen Sie in Ihrer App noch einmal."),
    said_no: ("Sie sind nicht verbunden", "Sie haben abgelehnt, und es wurde nichts geändert. Diese Seite können Sie schließen."),
    too_often: (
        "Zu viel auf einmal",
        "Diese Seite wurde von Ihrem Ort aus zu oft aufgerufen. Warten Sie eine Minute, und versuchen Sie es dann noch einmal.",
    ),
    unreadable: ("Diese Anfrage ist nicht lesbar", "Es wurde nichts geändert. Beginnen Sie in Ihrer App noch einmal."),
};
