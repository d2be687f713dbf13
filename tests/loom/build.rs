//! Makes the planted copies: the broker's files, each with one mistake in it that the models must find.

use std::path::Path;
use std::{env, fs};

/// The copy, its file, what stands there, and what the copy says in its place.
const PLANTS: &[(&str, &str, &str, &str)] = &[
    (
        "no_second_look",
        "handover.rs",
        "            if self.waiting().is_empty() {\n                return;\n            }\n",
        "            let _: () = (); return;\n",
    ),
    (
        "looks_before_it_lets_go",
        "handover.rs",
        "                Some(mut core) => turn(&mut core),\n",
        "                Some(mut core) => {\n let done = turn(&mut core);\n if self.waiting().is_empty() {\n let _ = after(done);\n return;\n }\n done\n }\n",
    ),
    (
        "flag_falls_late",
        "handover.rs",
        "        self.scheduled.store(false, Ordering::SeqCst);\n        drive();\n",
        "        drive();\n        self.scheduled.store(false, Ordering::SeqCst);\n",
    ),
    (
        "look_leaves_it_lying",
        "handover.rs",
        "        if !self.waiting().is_empty() {\n            schedule();\n        }\n",
        "        let _ = schedule;\n",
    ),
    (
        "new_deadline_wakes_nobody",
        "timers.rs",
        "            let is_first = state.first().is_none_or(|first| at < first);\n            state.entries.insert",
        "            let is_first = false;\n            state.entries.insert",
    ),
    ("turn_is_forgotten", "timers.rs", "            state.clock_turned = true;\n", ""),
    (
        "sleeps_with_events",
        "inbox.rs",
        "        match &mut state.waker {\n",
        "        drop(state);\n        let mut state = self.lock();\n        match &mut state.waker {\n",
    ),
    (
        "held_are_forgotten",
        "inbox.rs",
        "        held.append(&mut state.held);\n",
        "        drop(state);\n        held.append(&mut self.lock().held);\n        self.lock().held.clear();\n",
    ),
];

fn main() {
    let broker =
        Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../src/broker");
    let out = env::var("OUT_DIR").expect("cargo says where to");
    for (name, file, right, wrong) in PLANTS {
        let path = broker.join(file);
        println!("cargo::rerun-if-changed={}", path.display());
        let text = fs::read_to_string(&path).expect("the broker's file");
        assert_eq!(text.matches(right).count(), 1, "plant `{name}` has lost its place in {file}");
        // Inner documentation cannot stand in what is included.
        let lines = text.replace(right, wrong);
        let lines = lines.lines().filter(|line| !line.starts_with("//!"));
        let text = lines.map(|line| format!("{line}\n")).collect::<String>();
        fs::write(Path::new(&out).join(format!("{name}.rs")), text).expect("a file to write");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
