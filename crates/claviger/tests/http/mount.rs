//! `mount = "/"`: one server at the public URL itself, and the others where they are ever.

use serde_json::{Value, json};

use crate::support::{Caller, Door, Key, Plan, now};

async fn open(plan: Plan) -> Door {
    let root = format!("[servers.root]\nmount = \"/\"\n{}", plan.server);
    plan.section(&root).open().await
}

fn at_the_root(door: &Door, audience: &str) -> Caller {
    Caller { path: "/".to_owned(), ..door.holder(&door.issuer.token(audience, "alice", "")) }
}

#[tokio::test]
async fn the_server_answers_at_the_public_url_and_not_at_its_name() {
    let door = open(Plan::both().await).await;
    assert!(door.said().contains(&format!("{}/\n", door.public_url)), "{}", door.said());
    for audience in [format!("{}/", door.public_url), door.public_url.clone()] {
        let alice = at_the_root(&door, &audience);
        assert_eq!(alice.hello().await.status, 200, "{audience}");
        assert_eq!(alice.session().await.hello().await.status, 200);
        let named = Caller { path: "/mcp/root".to_owned(), ..alice };
        assert_eq!(named.hello().await.status, 404);
    }
    assert_eq!(door.get("/mcp/root/health").send().await.status, 200);
    let own = at_the_root(&door, &door.resource_of("root"));
    assert_eq!(own.hello().await.status, 401, "the name is no audience");
    let other = at_the_root(&door, &door.resource());
    assert_eq!(other.hello().await.status, 401);
    assert_eq!(door.caller("alice").hello().await.status, 200, "the other server is where it was");
}

#[tokio::test]
async fn its_metadata_is_the_root_form_and_the_challenge_leads_there() {
    let door = open(Plan::both().await).await;
    let stranger = Caller { path: "/".to_owned(), ..door.stranger() };
    let refused = stranger.hello().await;
    let url = refused.challenge().param("resource_metadata").unwrap().to_owned();
    assert_eq!(url, format!("{}/.well-known/oauth-protected-resource", door.public_url));
    let document = door.get("/.well-known/oauth-protected-resource").send().await.message();
    assert_eq!((&document["resource"], &document["resource_name"]), (&json!(format!("{}/", door.public_url)), &json!("root")));
    assert_eq!(door.get("/.well-known/oauth-protected-resource/mcp/root").send().await.status, 404);
}

#[tokio::test]
async fn below_a_path_it_is_at_that_path() {
    let door = open(Plan::both().await.argument("--public-url").argument("https://mcp.example.com/door")).await;
    let token = door.issuer.token("https://mcp.example.com/door", "alice", "");
    for path in ["/door", "/door/", "/"] {
        let alice = Caller { path: path.to_owned(), ..door.holder(&token) };
        assert_eq!(alice.tool("test_simple_text", json!({})).header("host", "mcp.example.com").send().await.status, 200, "{path}");
    }
    let document = door.get("/.well-known/oauth-protected-resource/door").header("host", "mcp.example.com").send().await.message();
    assert_eq!(document["resource"], "https://mcp.example.com/door");
}

#[tokio::test]
async fn a_proof_is_made_for_the_public_url() {
    use aws_lc_rs::digest::{SHA256, digest};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let door = open(Plan::both().await).await;
    let (key, url) = (Key::p256(), format!("{}/", door.public_url));
    let thumbprint = token::Thumbprint::of_jwk(&key.jwk(&json!({})).to_string()).unwrap().to_string();
    let bound = door.issuer.odd_token(&url, &json!({}), &json!({"sub": "alice", "cnf": {"jkt": thumbprint}}));
    let call = |htu: &str, jti: &str| {
        let ath = URL_SAFE_NO_PAD.encode(digest(&SHA256, bound.as_bytes()));
        let claims = json!({"htm": "POST", "htu": htu, "iat": now(), "jti": jti, "ath": ath});
        let proof = key.sign(&json!({"alg": "ES256", "typ": "dpop+jwt", "jwk": key.jwk(&json!({}))}), &claims);
        let caller = Caller { path: "/".to_owned(), ..door.stranger() };
        caller.tool("test_simple_text", json!({})).header("authorization", format!("DPoP {bound}")).header("dpop", proof)
    };
    assert_eq!(call(&url, "1").send().await.status, 200);
    assert_eq!(call(&door.resource_of("root"), "2").send().await.status, 401);
}

#[tokio::test]
async fn the_doors_own_issuer_gives_tokens_for_it() {
    let plan = crate::authorization_server::plan("").await;
    let root = format!("[servers.root]\nmount = \"/\"\n{}[merge]\n", plan.server);
    let door = crate::authorization_server::open(plan.section(&root)).await;
    let document: Value = door.get("/.well-known/oauth-protected-resource").send().await.message();
    assert_eq!(document["resource"], format!("{}/", door.public_url));
    for resource in [format!("{}/", door.public_url), format!("{}/mcp", door.public_url)] {
        let asked = door.get("/authorize").target_suffix(&format!("?response_type=code&client_id=x&resource={resource}")).send().await;
        assert!(!asked.text().contains("invalid_target"), "{resource}: {asked:?}");
    }
}
