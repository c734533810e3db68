//! Has somebody still to fill this in? People write that in many languages, and with the prefix of the vendor in front.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::random;
use crate::name::words;

/// Whether a value asks to be replaced.
pub(crate) fn is_placeholder(name: &str, value: &str) -> bool {
    let value = value.trim().trim_matches(['"', '\'']);
    let lower = value.to_lowercase();
    if lower.is_empty() || NOTHING.contains(&lower.as_str()) {
        return true;
    }
    let bracketed = [('<', '>'), ('[', ']'), ('{', '}'), ('(', ')'), ('«', '»')]
        .iter()
        .any(|(open, close)| lower.find(*open).is_some_and(|from| lower.get(from..).is_some_and(|rest| rest.contains(*close))));
    let elided = ["...", "…", "***", "xxxx", "••", "####", "____"].iter().any(|sign| lower.contains(sign));
    bracketed && !looks_strong(value) || elided || is_marked(&lower) || of_words(name, value)
}

/// All marks are looked for at once: there are many, and many values.
fn is_marked(lower: &str) -> bool {
    match &*MARKS_AT_ONCE {
        Some(marks) => marks.is_match(lower),
        None => MARKS.iter().any(|mark| lower.contains(mark)),
    }
}

static MARKS_AT_ONCE: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(MARKS).ok());

/// Whether a password is one that everybody tries first.
pub(crate) fn is_weak(value: &str) -> bool {
    let letters: String = value.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase();
    let length = value.chars().count();
    length <= 5 || value.chars().all(|character| character.is_ascii_digit()) && length < 16 || WEAK.contains(&letters.as_str()) || {
        letters.len() == length && WEAK.iter().any(|weak| weak.len() >= 5 && letters.contains(weak))
    }
}

/// Whether a person may have made this password: long enough, of two kinds of characters, no name of a thing.
pub(super) fn is_human_password(value: &str) -> bool {
    if is_app_password(value) {
        return true;
    }
    let digits = value.chars().any(|character| character.is_ascii_digit());
    let letters = value.chars().any(char::is_alphabetic);
    let signs = value.chars().any(|character| !character.is_alphanumeric() && !matches!(character, '-' | '_' | '.'));
    let cases = value.chars().any(char::is_uppercase) && value.chars().any(char::is_lowercase) && random::turns(value) > 2;
    value.chars().count() >= 6 && !value.contains(' ') && letters && (digits || signs || cases)
}

/// Groups of four, as Google (letters, also without the blanks) and WordPress make them for programs.
fn is_app_password(value: &str) -> bool {
    let groups: Vec<&str> = value.split(' ').collect();
    let lower = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase());
    let whole = |text: &str| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match groups.as_slice() {
        [one] => one.len() == 16 && lower(one) && random::entropy(one) >= 3.2 && random::sequential(one) < 8 && few_vowels(one),
        [_, _, _, _] => groups.iter().all(|group| group.len() == 4 && lower(group)),
        [_, _, _, _, _, _] => groups.iter().all(|group| whole(group)) && value.bytes().any(|byte| byte.is_ascii_digit()),
        _ => false,
    }
}

/// Words have more of them.
fn few_vowels(value: &str) -> bool {
    value.bytes().filter(|byte| b"aeiou".contains(byte)).count() * 4 <= value.len()
}

/// A value of words alone, one of which says that it stands for another; or the words of its own name.
fn of_words(name: &str, value: &str) -> bool {
    let parts = words(value);
    if parts.iter().any(|part| FILLERS.contains(&part.as_str())) {
        return true;
    }
    if looks_strong(value) {
        return false;
    }
    let echoed = parts.iter().filter(|part| part.len() > 2).any(|part| ECHOES.contains(&part.as_str()));
    let own = words(name);
    let all_known =
        parts.iter().all(|part| own.contains(part) || SHORT_FILLERS.contains(&part.as_str()) || ECHOES.contains(&part.as_str()));
    let letters = parts.iter().all(|part| part.chars().all(char::is_alphabetic));
    let counted = parts.iter().all(|part| part.trim_end_matches(|last: char| last.is_ascii_digit()).chars().all(char::is_alphabetic));
    let sequence = random::sequential(value) * 2 >= value.chars().count();
    (all_known && counted) || sequence || (letters && parts.len() >= 2 && (echoed || parts.iter().all(|part| pronounceable(part))))
}

/// Whether a machine made most of it: then a word in it is chance.
fn looks_strong(value: &str) -> bool {
    value.chars().count() >= 16 && random::is_random(value) && random::turns(value) >= 6
}

fn pronounceable(word: &str) -> bool {
    word.chars().count() <= 14 && (word.len() <= 3 || word.chars().any(|letter| "aeiouyäöüéèáíóúâêô".contains(letter)) || !word.is_ascii())
}

const NOTHING: &[&str] = &["none", "null", "nil", "n/a", "na", "undefined", "true", "false", "tbd", "todo", "xxx", "x", "-", "."];

/// Long enough that chance does not write them.
const MARKS: &[&str] = &[
    "example",
    "placeholder",
    "changeme",
    "change-me",
    "change_me",
    "redacted",
    "replace",
    "your_",
    "your-",
    "_here",
    "-here",
    "insert",
    "dummy",
    "remplace",
    "reemplaz",
    "substitu",
    "ersetz",
    "sostitui",
    "vervang",
    "wstaw",
    "zastap",
    "yourapi",
    "yourtoken",
    "yoursecret",
    "yourkey",
    "yourpass",
    "обязательно",
    "ваш",
    "вставь",
    "замени",
    "токен",
    "ключ",
    "你的",
    "您的",
    "替换",
    "请输入",
    "填写",
    "密钥",
    "ここに",
    "あなたの",
    "여기",
    "입력",
    "여러분",
    "buraya",
    "votre",
    "deinen",
    "dein_",
    "dein-",
    "ihr_",
    "inserisci",
    "introduce_",
    "coloque",
    "fake",
    "goes_here",
    "goes-here",
    "todo",
    "fill_in",
    "fill-in",
    "not-a-real",
    "notreal",
    "not_real",
    "not-needed",
    "not_needed",
    "notneeded",
    "sua_",
    "sua-",
    "tu_",
    "tu-",
    "seu_",
];

/// One of these as a whole word says it.
const FILLERS: &[&str] = &[
    "your",
    "yours",
    "here",
    "example",
    "sample",
    "placeholder",
    "changeme",
    "change",
    "replace",
    "redacted",
    "removed",
    "masked",
    "hidden",
    "insert",
    "enter",
    "paste",
    "actual",
    "dummy",
    "fake",
    "todo",
    "demo",
    "votre",
    "remplacez",
    "remplacer",
    "reemplazar",
    "aqui",
    "ihre",
    "dein",
    "deine",
    "mein",
    "meine",
    "ersetzen",
    "hier",
    "substitua",
    "inserisci",
    "tuo",
    "tua",
    "mysecret",
    "mytoken",
    "mykey",
    "buraya",
    "secreto",
    "mock",
    "unused",
    "optional",
    "needed",
    "required",
    "ignored",
    "anything",
    "whatever",
    "something",
];
const SHORT_FILLERS: &[&str] = &[
    "my", "the", "a", "an", "tu", "su", "la", "le", "de", "of", "for", "test", "dev", "local", "id", "real", "new", "live", "sk", "pk",
    "some", "any", "value", "string",
];
const ECHOES: &[&str] = &[
    "api",
    "key",
    "token",
    "secret",
    "password",
    "apikey",
    "access",
    "auth",
    "credential",
    "credentials",
    "clave",
    "cle",
    "schluessel",
    "pat",
    "bearer",
    "personal",
    "client",
    "user",
    "username",
];
const WEAK: &[&str] = &[
    "password",
    "passwd",
    "pass",
    "admin",
    "administrator",
    "root",
    "toor",
    "postgres",
    "postgresql",
    "mysql",
    "mariadb",
    "mongo",
    "mongodb",
    "redis",
    "guest",
    "test",
    "testing",
    "secret",
    "mysecret",
    "welcome",
    "qwerty",
    "letmein",
    "user",
    "default",
    "minio",
    "minioadmin",
    "odoo",
    "neo",
    "rabbitmq",
    "elastic",
    "changeme",
    "supersecret",
    "dbpassword",
    "mypassword",
    "mysecretpassword",
    "sa",
    "oracle",
    "hello",
    "abc",
    "abcd",
    "passw",
    "pssword",
    "pssw",
    "pw",
    "pwd",
    "dev",
    "local",
    "demo",
    "grafana",
    "keycloak",
    "app",
    "db",
];
