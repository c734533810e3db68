//! What do we look for? One file a rule, each with the example that it finds and the one that it leaves alone.

mod a001;
mod a002;
mod a003;
mod a004;
mod a005;
mod a006;
mod a007;
mod a008;
mod a009;
mod exposed;
mod l001;
mod l002;
mod l003;
mod l004;
mod launch;
mod p001;
mod p002;
mod p003;
mod p004;
mod p005;
mod p006;
mod p007;
mod r001;
mod r002;
mod r003;
mod r004;
mod s001;
mod s002;
mod s003;
mod s004;
mod s005;
mod s006;
mod s007;
mod s008;
mod s009;
mod s010;
mod s011;
mod s012;
mod s013;
mod s014;
mod s015;
mod s016;
mod s017;
mod t001;
mod t002;
mod t003;
mod t004;
mod t005;
mod t006;

use std::fmt;

use crate::Case;
use crate::finding::{Remark, Severity};

/// One class of mistake.
pub struct Rule {
    /// Its name in reports and in `ignore` lines.
    pub id: &'static str,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// How bad it is, unless the place says otherwise.
    pub severity: Severity,
    /// Its place in the OWASP MCP Top 10.
    pub owasp: &'static str,
    /// Its number in the Common Weakness Enumeration.
    pub cwe: u16,
    /// What to do about it.
    pub advice: &'static str,
    /// What it finds, and what it does not.
    pub example: Example,
    pub(crate) judge: fn(&Case<'_>) -> Vec<Remark>,
}

/// Two files of one name.
pub struct Example {
    /// The name that both would have.
    pub file: &'static str,
    /// The rule finds something here.
    pub bad: &'static str,
    /// And nothing here.
    pub good: &'static str,
}

impl fmt::Debug for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.id)
    }
}

/// All rules, by their names.
pub static ALL: &[Rule] = &[
    a001::RULE,
    a002::RULE,
    a003::RULE,
    a004::RULE,
    a005::RULE,
    a006::RULE,
    a007::RULE,
    a008::RULE,
    a009::RULE,
    l001::RULE,
    l002::RULE,
    l003::RULE,
    l004::RULE,
    p001::RULE,
    p002::RULE,
    p003::RULE,
    p004::RULE,
    p005::RULE,
    p006::RULE,
    p007::RULE,
    r001::RULE,
    r002::RULE,
    r003::RULE,
    r004::RULE,
    s001::RULE,
    s002::RULE,
    s003::RULE,
    s004::RULE,
    s005::RULE,
    s006::RULE,
    s007::RULE,
    s008::RULE,
    s009::RULE,
    s010::RULE,
    s011::RULE,
    s012::RULE,
    s013::RULE,
    s014::RULE,
    s015::RULE,
    s016::RULE,
    s017::RULE,
    t001::RULE,
    t002::RULE,
    t003::RULE,
    t004::RULE,
    t005::RULE,
    t006::RULE,
];

#[cfg(test)]
mod tests;
