//! Whatever order codes, refreshes and revocations come in: no token outlives its grant, and a family has one line of descent.

use http::StatusCode;
use proptest::prelude::*;

use crate::desk::{Browser, Desk, Tokens, question, tokens};

/// What may happen next.
#[derive(Clone, Debug)]
enum Step {
    /// Somebody logs in anew.
    LogIn,
    /// A refresh token that was ever given is used, at one of two replicas.
    Refresh { which: usize, at_the_other: bool },
    /// A refresh token that was ever given is given back.
    Revoke { which: usize },
    /// An access token that was ever given is given back.
    RevokeAccess { which: usize },
    /// An operator ends a grant.
    EndGrant { which: usize },
    /// A code that was redeemed is shown again.
    ReplayCode { which: usize },
    /// Time passes.
    Wait { seconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::LogIn),
        8 => (any::<usize>(), any::<bool>()).prop_map(|(which, at_the_other)| Step::Refresh { which, at_the_other }),
        1 => any::<usize>().prop_map(|which| Step::Revoke { which }),
        1 => any::<usize>().prop_map(|which| Step::RevokeAccess { which }),
        1 => any::<usize>().prop_map(|which| Step::EndGrant { which }),
        1 => any::<usize>().prop_map(|which| Step::ReplayCode { which }),
        1 => (1_u64..400).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// What should be true of one grant.
#[derive(Default)]
struct Family {
    is_over: bool,
    code: String,
    /// Refresh tokens, oldest first; which of them was used last, if one was.
    line: Vec<String>,
    last_used: Option<usize>,
    /// Access tokens with the second at which each was given, and whether it was given back.
    access: Vec<(String, u64, bool)>,
    grant: String,
}

struct World {
    desk: Desk,
    other: Desk,
    client: String,
    ada: Browser,
    families: Vec<Family>,
}

impl World {
    async fn new() -> Self {
        let desk = Desk::open().await;
        let other = desk.beside().await;
        let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
        let mut ada = Browser::default();
        ada.sign_in(&desk, &question(&client)).await;
        let mut world = Self { desk, other, client, ada, families: Vec::new() };
        world.log_in().await;
        world
    }

    async fn log_in(&mut self) {
        let code = self.ada.agree(&self.desk, &self.client).await;
        let given = tokens(&self.desk.redeem(&self.client, &code).await);
        let grant = crate::desk::claims(&given.access)["grant_id"].as_str().unwrap().to_owned();
        let access = vec![(given.access, self.desk.seconds(), false)];
        self.families.push(Family { code, line: vec![given.refresh], access, grant, ..Family::default() });
    }

    fn pick(&self, which: usize) -> usize {
        which % self.families.len()
    }

    async fn take(&mut self, step: &Step) {
        match *step {
            Step::LogIn => self.log_in().await,
            Step::Refresh { which, at_the_other } => self.refresh(which, at_the_other).await,
            Step::Revoke { which } => {
                let index = self.pick(which);
                let family = &mut self.families[index];
                let token = family.line[which / 7 % family.line.len()].clone();
                // One that is no longer in the line is known all the same, and says which grant is meant.
                family.is_over = true;
                self.desk.post_form("/revoke", &[("client_id", &self.client), ("token", &token)]).await;
            }
            Step::RevokeAccess { which } => {
                let index = self.pick(which);
                let family = &mut self.families[index];
                let position = which / 7 % family.access.len();
                let token = family.access[position].0.clone();
                if self.desk.opens(&token) {
                    self.families[index].access[position].2 = true;
                }
                self.desk.post_form("/revoke", &[("client_id", &self.client), ("token", &token)]).await;
            }
            Step::EndGrant { which } => {
                let index = self.pick(which);
                self.families[index].is_over = true;
                let id = self.families[index].grant.clone();
                self.desk.server.end_grant(&id, "operator").await.unwrap();
            }
            Step::ReplayCode { which } => {
                let index = self.pick(which);
                let response = self.desk.redeem(&self.client, &self.families[index].code.clone()).await;
                assert_eq!(response.status(), StatusCode::BAD_REQUEST);
                // It is known for ten minutes that a code was spent; the code itself was good for one.
                let is_remembered = self.desk.seconds() < self.families[index].access[0].1 + 600;
                self.families[index].is_over |= is_remembered;
            }
            Step::Wait { seconds } => self.desk.advance(seconds),
        }
    }

    async fn refresh(&mut self, which: usize, at_the_other: bool) {
        let index = self.pick(which);
        let now = self.desk.seconds();
        let family = &mut self.families[index];
        let position = which / 7 % family.line.len();
        let desk = if at_the_other { &self.other } else { &self.desk };
        let response = desk.refresh(&self.client, &family.line[position]).await;
        let newest = family.line.len() - 1;
        let is_good = !family.is_over && (position == newest || Some(position) == family.last_used && position + 1 == newest);
        if !is_good {
            assert_eq!(response.status(), StatusCode::BAD_REQUEST);
            family.is_over = true;
            return;
        }
        let Tokens { access, refresh, .. } = tokens(&response);
        family.access.push((access, now, false));
        if position == newest {
            family.last_used = Some(position);
            family.line.push(refresh);
        } else {
            assert_eq!(&refresh, &family.line[newest], "the same descendant");
        }
    }

    fn check(&self) {
        for family in &self.families {
            for (access, given_at, was_given_back) in &family.access {
                let lives = !family.is_over && !was_given_back && self.desk.seconds() < given_at + 900;
                assert_eq!(self.desk.opens(access), lives);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_token_outlives_its_grant(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for step in &steps {
                world.take(step).await;
                world.check();
            }
        });
    }
}
