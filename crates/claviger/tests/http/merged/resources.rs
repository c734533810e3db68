//! Resources are called `claviger://<server>/<uri>`, wherever they are spoken of.

use serde_json::json;

use super::Scene;

#[tokio::test]
async fn a_resource_is_read_by_the_name_under_which_it_is_listed() {
    let scene = Scene::open().await;
    let alice = scene.caller("alice");
    let session = alice.session().await;
    for member in ["fixture", "old"] {
        let uri = format!("claviger://{member}/test://static-text");
        for result in [
            alice.modern("resources/read", json!({"uri": uri})).send().await.result(),
            session.request("resources/read", json!({"uri": uri})).send().await.result(),
        ] {
            assert_eq!(result["contents"][0]["uri"], uri);
            assert!(result["contents"][0]["text"].is_string());
        }
        let made = alice.modern("resources/read", json!({"uri": format!("claviger://{member}/test://template/7/data")})).send().await;
        assert!(made.result()["contents"][0]["text"].to_string().contains('7'), "{made:?}");
    }
    for uri in ["test://static-text", "claviger://nobody/test://static-text", "claviger://fixture", "claviger://fixture/test://nothing"] {
        let answer = alice.modern("resources/read", json!({ "uri": uri })).send().await;
        assert_eq!((answer.status, &answer.message()["error"]["code"]), (200, &json!(-32602)), "{uri}: {answer:?}");
    }
}

#[tokio::test]
async fn resources_in_the_results_of_tools_and_prompts_are_called_so_too() {
    let scene = Scene::open().await;
    let alice = scene.caller("alice");
    for member in ["fixture", "old"] {
        let tool = alice.call(&format!("{member}__test_embedded_resource"), json!({})).await.result();
        assert_eq!(tool["content"][0]["resource"]["uri"], format!("claviger://{member}/test://embedded-resource"), "{tool}");
        let arguments = json!({"resourceUri": "test://example-resource"});
        let prompt = json!({"name": format!("{member}__test_prompt_with_embedded_resource"), "arguments": arguments});
        let prompt = alice.modern("prompts/get", prompt).send().await.result();
        assert!(prompt.to_string().contains(&format!(r#""uri":"claviger://{member}/test://example-resource""#)), "{prompt}");
    }
}

#[tokio::test]
async fn completions_go_to_whoever_has_the_prompt() {
    let scene = Scene::open().await;
    let alice = scene.caller("alice");
    for reference in [
        json!({"type": "ref/prompt", "name": "fixture__test_prompt_with_arguments"}),
        json!({"type": "ref/resource", "uri": "claviger://old/test://template/{id}/data"}),
    ] {
        let params = json!({"ref": reference, "argument": {"name": "arg1", "value": "t"}});
        let answer = alice.modern("completion/complete", params).send().await;
        assert!(answer.result()["completion"]["values"].is_array(), "{answer:?}");
    }
}
