//! Files and folders at the start.

use std::fs;

use serde_json::json;

use super::fixture::Site;
use crate::definitions::load;

fn queue(name: &str) -> String {
    json!({ "queues": [{ "vhost": "/", "name": name }] }).to_string()
}

fn names(site: &Site) -> Vec<String> {
    let export = site.export();
    let queues = export["queues"].as_array().expect("a list").iter();
    queues.map(|queue| queue["name"].as_str().expect("text").to_owned()).collect()
}

#[test]
fn a_folder_is_loaded_in_the_order_of_its_names() {
    let folder = tempfile::tempdir().expect("a folder for tests");
    let write =
        |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    write(
        "20-more.json",
        &json!({ "bindings": [{ "vhost": "/", "source": "amq.topic",
        "destination": "a", "destination_type": "queue" }] })
        .to_string(),
    );
    write("10-first.json", &queue("a"));
    write("30-notes.txt", "not JSON");
    let site = Site::new();
    load(&site.broker, folder.path(), false).expect("good");
    assert_eq!(names(&site), ["a"]);
    assert_eq!(site.export()["bindings"][0]["destination"], "a");
}

#[test]
fn a_bad_file_is_named_with_the_place() {
    let folder = tempfile::tempdir().expect("a folder for tests");
    let file = folder.path().join("d.json");
    fs::write(&file, r#"{"queues":[{"vhost":"/","name":1}]}"#).expect("written");
    let site = Site::new();
    let text = load(&site.broker, &file, false).expect_err("bad").to_string();
    assert!(text.contains("d.json") && text.contains("queues[0].name: expected text"), "{text}");
    let text = load(&site.broker, &folder.path().join("none"), false).expect_err("bad").to_string();
    assert!(text.starts_with("cannot read the definitions in "), "{text}");
}

#[test]
fn what_is_unchanged_is_skipped_until_it_changes() {
    let folder = tempfile::tempdir().expect("a folder for tests");
    let file = folder.path().join("d.json");
    fs::write(&file, queue("a")).expect("written");
    let site = Site::new();
    load(&site.broker, &file, true).expect("good");
    assert_eq!(site.export()["global_parameters"], json!([]), "the hash is a note, no setting");
    let none = json!({ "queues": [] });
    site.prune(&none);
    let site = site.restarted();
    load(&site.broker, &file, true).expect("good");
    assert_eq!(names(&site), Vec::<String>::new(), "it was skipped");
    load(&site.broker, &file, false).expect("good");
    assert_eq!(names(&site), ["a"], "not skipped unless that is asked for");
    fs::write(&file, queue("b")).expect("written");
    load(&site.broker, &file, true).expect("good");
    assert_eq!(names(&site), ["a", "b"]);
}
