//! In what words? Every sentence of the pages, in each language.

use pages::language::Language;
use pages::phrase::Phrase;

use super::Problem;

/// The sentences of one language.
pub(super) struct Words {
    pub(super) sign_in: &'static str,
    pub(super) sign_in_lead: Phrase,
    pub(super) username: &'static str,
    pub(super) password: &'static str,
    pub(super) wrong: &'static str,
    pub(super) too_often: Phrase,
    pub(super) consent: Phrase,
    pub(super) consent_lead: &'static str,
    pub(super) unverified: &'static str,
    pub(super) verified: Phrase,
    pub(super) asks_for: &'static str,
    pub(super) everything: Phrase,
    pub(super) offline: &'static str,
    pub(super) all_of_it: &'static str,
    pub(super) these: Phrase,
    pub(super) account: &'static str,
    pub(super) not_me: &'static str,
    pub(super) goes_to: &'static str,
    pub(super) loopback: &'static str,
    pub(super) allow: &'static str,
    pub(super) allow_at: Phrase,
    pub(super) sign_in_at: Phrase,
    pub(super) sign_in_next: &'static str,
    pub(super) leave_lead: Phrase,
    pub(super) deny: &'static str,
    pub(super) take_back: &'static str,
    pub(super) done_yes: &'static str,
    pub(super) done_no: &'static str,
    pub(super) done_lead: Phrase,
    pub(super) go_on: &'static str,
    pub(super) back_to: Phrase,
    pub(super) device: &'static str,
    pub(super) device_lead: &'static str,
    pub(super) device_code: &'static str,
    pub(super) device_go_on: &'static str,
    pub(super) device_wrong: &'static str,
    pub(super) device_stranger: &'static str,
    pub(super) device_done: Phrase,
    pub(super) details: &'static str,
    broken: (&'static str, &'static str),
    nobody: (&'static str, &'static str),
    no_errand: (&'static str, &'static str),
    no_page: (&'static str, &'static str),
    not_admitted: (&'static str, &'static str),
    not_signed_in: (&'static str, &'static str),
    provider_away: (&'static str, &'static str),
    redirect: (&'static str, &'static str),
    refused: (&'static str, &'static str),
    request: (&'static str, &'static str),
    undescribed: (&'static str, &'static str),
    unknown_client: (&'static str, &'static str),
    unreadable: (&'static str, &'static str),
}

impl Words {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }

    pub(super) fn problem(&self, problem: &Problem) -> (&'static str, &'static str) {
        match problem {
            Problem::Broken => self.broken,
            Problem::NobodyCanSignIn => self.nobody,
            Problem::NoErrand => self.no_errand,
            Problem::NoSuchPage => self.no_page,
            Problem::NotAdmitted { .. } => self.not_admitted,
            Problem::NotSignedIn { .. } => self.not_signed_in,
            Problem::ProviderAway { .. } => self.provider_away,
            Problem::Redirect => self.redirect,
            Problem::Refused { .. } => self.refused,
            Problem::Request(_) => self.request,
            Problem::Undescribed(_) => self.undescribed,
            Problem::UnknownClient => self.unknown_client,
            Problem::Unreadable => self.unreadable,
        }
    }

    /// What a scope opens, by the patterns of the rules.
    pub(super) fn patterns(&self, patterns: &[String]) -> String {
        if patterns.iter().any(|pattern| pattern == "*") {
            return self.all_of_it.to_owned();
        }
        self.these.with(&patterns.join(", "))
    }
}

static ENGLISH: Words = Words {
    sign_in: "Sign in",
    sign_in_lead: Phrase("“{}” wants to use “{}”. Sign in to go on."),
    username: "Account",
    password: "Password",
    wrong: "Account or password is wrong.",
    too_often: Phrase("There were too many attempts. Try again in {} minutes."),
    consent: Phrase("Allow “{}” to use “{}”?"),
    consent_lead: "The app will act in your name until you take this back.",
    unverified: "The app chose this name itself; nobody has checked it.",
    verified: Phrase("Verified: this is the app of {}"),
    asks_for: "The app asks for:",
    everything: Phrase("Use “{}”"),
    offline: "Stay signed in while you are away",
    all_of_it: "Use everything that it offers",
    these: Phrase("Use {}"),
    account: "Your account",
    not_me: "That is not me",
    goes_to: "You go back to",
    loopback: "That is a program on this computer. Go on only if you have just started it yourself.",
    allow: "Allow",
    allow_at: Phrase("Allow, and sign in with {}"),
    sign_in_at: Phrase("Sign in with {}"),
    sign_in_next: "You sign in next, at",
    leave_lead: Phrase("You have allowed “{}” to go on. {} asks next who you are."),
    deny: "Deny",
    take_back: "Whoever runs this server can take it back at any time.",
    done_yes: "Allowed",
    done_no: "Nothing was allowed",
    done_lead: Phrase("You go back to “{}”. You can close this page."),
    go_on: "Go on if nothing happens",
    back_to: Phrase("Back to {}"),
    device: "Sign in a device",
    device_lead: "Type the code that your device shows.",
    device_code: "Code",
    device_go_on: "Go on",
    device_wrong: "No device waits with this code. Look again, or let the device show a new one.",
    device_stranger: "Go on only if the code stands on a device of your own. Nobody has a good reason to send you one.",
    device_done: Phrase("“{}” goes on where it waits. You can close this page."),
    details: "Details",
    broken: ("Something went wrong here", "It is not your fault. Try again; if it stays like this, tell whoever runs this server."),
    nobody: ("Nobody can sign in yet", "There is no account. Whoever runs this server makes one with `claviger accounts add`."),
    no_errand: ("This page has ended", "It belongs to another browser, or to something too long ago. Go back to your app and begin again."),
    no_page: ("There is no such page", "Go back to your app and begin again."),
    not_admitted: (
        "This account may not come in",
        "You have signed in with {}, but whoever runs this server has not let this account in. Nothing was allowed.",
    ),
    not_signed_in: ("You are not signed in", "What {} answered cannot be believed. Go back to your app and begin again."),
    provider_away: ("You cannot sign in just now", "{} does not answer. Wait a little, go back to your app and begin again."),
    redirect: (
        "This app must not send you here",
        "The place that it wants you sent back to is not one that it has registered. Nothing was sent there.",
    ),
    refused: ("The app's question cannot be answered", "The app asked in a way that is not allowed."),
    request: (
        "The app's question cannot be read",
        "Something in it is missing, stands there twice, or is not allowed. Nothing was sent anywhere.",
    ),
    undescribed: (
        "This app's description cannot be used",
        "The app goes by the address of its description, and what is there does not describe it. Nothing was sent anywhere.",
    ),
    unknown_client: (
        "This app is not known here",
        "Its registration may have ended. Remove the sign-in in your app, and begin again there.",
    ),
    unreadable: ("This form cannot be read", "Go back to your app and begin again."),
};

static GERMAN: Words = Words {
    sign_in: "Anmelden",
    sign_in_lead: Phrase("„{}“ möchte „{}“ benutzen. Melden Sie sich an, um fortzufahren."),
    username: "Konto",
    password: "Passwort",
    wrong: "Konto oder Passwort ist falsch.",
    too_often: Phrase("Das waren zu viele Versuche. Versuchen Sie es in {} Minuten wieder."),
    consent: Phrase("Darf „{}“ „{}“ benutzen?"),
    consent_lead: "Die App handelt dann in Ihrem Namen, bis Sie das zurücknehmen.",
    unverified: "Diesen Namen hat sich die App selbst gegeben; niemand hat ihn geprüft.",
    verified: Phrase("Geprüft: Das ist die App von {}"),
    asks_for: "Die App bittet um:",
    everything: Phrase("„{}“ benutzen"),
    offline: "Angemeldet bleiben, auch wenn Sie nicht da sind",
    all_of_it: "Alles benutzen, was es bietet",
    these: Phrase("{} benutzen"),
    account: "Ihr Konto",
    not_me: "Das bin ich nicht",
    goes_to: "Sie kehren zurück zu",
    loopback: "Das ist ein Programm auf diesem Computer. Fahren Sie nur fort, wenn Sie es gerade selbst gestartet haben.",
    allow: "Erlauben",
    allow_at: Phrase("Erlauben und mit {} anmelden"),
    sign_in_at: Phrase("Mit {} anmelden"),
    sign_in_next: "Sie melden sich danach an bei",
    leave_lead: Phrase("Sie haben „{}“ erlaubt fortzufahren. Als Nächstes fragt {}, wer Sie sind."),
    deny: "Ablehnen",
    take_back: "Wer diesen Server betreibt, kann es jederzeit zurücknehmen.",
    done_yes: "Erlaubt",
    done_no: "Es wurde nichts erlaubt",
    done_lead: Phrase("Sie kehren zurück zu „{}“. Diese Seite können Sie schließen."),
    go_on: "Weiter, falls nichts geschieht",
    back_to: Phrase("Zurück zu {}"),
    device: "Ein Gerät anmelden",
    device_lead: "Geben Sie den Code ein, den Ihr Gerät zeigt.",
    device_code: "Code",
    device_go_on: "Weiter",
    device_wrong: "Kein Gerät wartet mit diesem Code. Sehen Sie noch einmal nach, oder lassen Sie das Gerät einen neuen zeigen.",
    device_stranger: "Fahren Sie nur fort, wenn der Code auf einem eigenen Gerät steht. Niemand hat einen guten Grund, Ihnen einen zu schicken.",
    device_done: Phrase("„{}“ macht dort weiter, wo es wartet. Diese Seite können Sie schließen."),
    details: "Einzelheiten",
    broken: (
        "Hier ist etwas schiefgegangen",
        "Das liegt nicht an Ihnen. Versuchen Sie es noch einmal; bleibt es dabei, sagen Sie es denen, die diesen Server betreiben.",
    ),
    nobody: (
        "Noch kann sich niemand anmelden",
        "Es gibt kein Konto. Wer diesen Server betreibt, legt eines mit `claviger accounts add` an.",
    ),
    no_errand: (
        "Diese Seite ist abgelaufen",
        "Sie gehört zu einem anderen Browser, oder sie ist zu alt. Beginnen Sie in Ihrer App noch einmal.",
    ),
    no_page: ("Diese Seite gibt es nicht", "Beginnen Sie in Ihrer App noch einmal."),
    not_admitted: (
        "Dieses Konto hat hier keinen Zutritt",
        "Sie haben sich mit {} angemeldet, aber wer diesen Server betreibt, hat dieses Konto nicht zugelassen. Es wurde nichts erlaubt.",
    ),
    not_signed_in: ("Sie sind nicht angemeldet", "Der Antwort von {} ist nicht zu trauen. Beginnen Sie in Ihrer App noch einmal."),
    provider_away: (
        "Zurzeit können Sie sich nicht anmelden",
        "{} antwortet nicht. Warten Sie ein wenig, und beginnen Sie in Ihrer App noch einmal.",
    ),
    redirect: (
        "Diese App darf Sie nicht hierher schicken",
        "Der Ort, an den Sie zurückkehren sollen, ist keiner, den sie angemeldet hat. Es wurde nichts dorthin geschickt.",
    ),
    refused: ("Die Frage der App lässt sich nicht beantworten", "Die App hat auf eine Weise gefragt, die nicht erlaubt ist."),
    request: (
        "Die Frage der App ist nicht lesbar",
        "Etwas darin fehlt, steht doppelt da oder ist nicht erlaubt. Es wurde nichts verschickt.",
    ),
    undescribed: (
        "Die Beschreibung dieser App ist nicht brauchbar",
        "Die App nennt sich nach der Adresse ihrer Beschreibung, und was dort steht, beschreibt sie nicht. Es wurde nichts verschickt.",
    ),
    unknown_client: (
        "Diese App ist hier nicht bekannt",
        "Vielleicht ist ihre Registrierung abgelaufen. Entfernen Sie die Anmeldung in Ihrer App und beginnen Sie dort noch einmal.",
    ),
    unreadable: ("Dieses Formular ist nicht lesbar", "Beginnen Sie in Ihrer App noch einmal."),
};
