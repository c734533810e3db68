//! Does the file hold a signed token, and what may its bearer do?

use super::exposed::{Exposed, live, remarks};
use super::{Example, Rule};
use crate::Case;
use crate::classify::role_of;
use crate::finding::{Remark, Severity};
use crate::secrets::Exposure;

pub(super) const RULE: Rule = Rule {
    id: "S010",
    title: "signed token that may much",
    severity: Severity::High,
    owasp: "MCP01:2025",
    cwe: 798,
    advice: "put it into a store (`claviger secrets put`) and write the reference that this client expands",
    example: Example {
        file: ".env",
        bad: "SUPABASE_SERVICE_KEY=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzdXBhYmFzZSIsInJvbGUiOiJzZXJ2aWNlX3JvbGUiLCJpYXQiOjE3NDE3NDMwMDN9.GVPJO5b-ti0JeqAlrIdJmXI2zWpNgZRdd7zQlKsYL9I\n",
        good: "SUPABASE_KEY=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzdXBhYmFzZSIsInJlZiI6Ind5dmFtd2FsZmFjcGRudnNoeHpiIiwicm9sZSI6ImFub24iLCJpYXQiOjE3NDE3NDMwMDMsImV4cCI6MjA1NzMxOTAwM30.GVPJO5b-ti0JeqAlrIdJmXI2zWpNgZRdd7zQlKsYL9I\n",
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let tokens = live(case).filter(|secret| secret.exposure == Exposure::Token);
    let mut found = remarks(case, Exposed::Token, "a signed token stands here");
    for secret in tokens.filter(|secret| role_of(&secret.value).is_some_and(|role| PRIVILEGED.contains(&role.as_str()))) {
        for remark in found.iter_mut().filter(|remark| remark.span == secret.span) {
            remark.severity = Some(Severity::Critical);
            remark.message = "a signed token stands here whose role passes every rule of the database".into();
        }
    }
    found
}

const PRIVILEGED: &[&str] = &["service_role", "admin", "supabase_admin", "superuser"];
