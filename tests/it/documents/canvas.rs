//! `docs/specs.canvas`, a map of the documents and the modules in the form of JSON Canvas 1.0, is laid out here and
//! looked at as whoever opens it would: nothing is missing, nothing overlaps.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{documents, files, read, root};

const PATH: &str = "docs/specs.canvas";
const WIDTH: i64 = 320;
const HEIGHT: i64 = 80;
/// From the top of a node to the top of the next.
const STEP: i64 = 100;
/// Between a group's edge and its nodes.
const MARGIN: i64 = 20;
/// Between groups; their labels stand above them.
const GAP: i64 = 80;

struct Group {
    label: &'static str,
    color: &'static str,
    files: &'static [&'static str],
}

const fn group(label: &'static str, color: &'static str, files: &'static [&'static str]) -> Group {
    Group { label, color, files }
}

/// Columns from left to right, groups from top to bottom.
const COLUMNS: &[&[Group]] = &[
    &[
        group(
            "Begin here",
            "4",
            &[
                "README.md",
                "docs/first-run.md",
                "docs/configuration.md",
                "docs/command-line.md",
            ],
        ),
        group(
            "Every day",
            "4",
            &[
                "docs/commands.md",
                "docs/shell.md",
                "docs/extension.md",
                "docs/mcp.md",
                "docs/api.md",
            ],
        ),
    ],
    &[
        group(
            "Keep it running",
            "3",
            &[
                "docs/operations.md",
                "docs/data.md",
                "docs/metrics.md",
                "docs/scaling.md",
                "docs/performance.md",
                "docs/reliability.md",
                "SECURITY.md",
            ],
        ),
        group(
            "Change it",
            "5",
            &[
                "CONTRIBUTING.md",
                "ARCHITECTURE.md",
                "docs/dependencies.md",
                "docs/releasing.md",
                "CHANGELOG.md",
            ],
        ),
    ],
    &[
        group(
            "Start and command line",
            "6",
            &[
                "src/main.rs",
                "src/lib.rs",
                "src/cli/mod.rs",
                "src/config/mod.rs",
                "src/daemon/mod.rs",
                "src/doctor/mod.rs",
                "src/service.rs",
            ],
        ),
        group(
            "Words for everything",
            "6",
            &[
                "src/error.rs",
                "src/event.rs",
                "src/ids.rs",
                "src/about.rs",
                "src/failpoint.rs",
            ],
        ),
    ],
    &[
        group(
            "In",
            "1",
            &[
                "src/discord/mod.rs",
                "src/discord/gateway.rs",
                "src/discord/commands/mod.rs",
                "src/http/mod.rs",
                "src/token.rs",
                "src/mcp/mod.rs",
                "extension/src/index.ts",
            ],
        ),
        group(
            "May they? Then make it durable",
            "1",
            &[
                "src/ingress/mod.rs",
                "src/ingress/auth.rs",
                "src/store/mod.rs",
                "src/retention.rs",
            ],
        ),
    ],
    &[
        group(
            "Decide and work",
            "2",
            &[
                "src/session/mod.rs",
                "src/session/state/mod.rs",
                "src/session/actor.rs",
                "src/agent/mod.rs",
                "src/agent/process.rs",
                "src/tools/mod.rs",
            ],
        ),
        group(
            "Out",
            "2",
            &[
                "src/render/mod.rs",
                "src/discord/outbox/mod.rs",
                "src/status/mod.rs",
            ],
        ),
    ],
    &[group(
        "Without Discord, without a model",
        "3",
        &[
            "src/sim/mod.rs",
            "src/scripted/mod.rs",
            "tests/it/main.rs",
            "tests/it/harness.rs",
        ],
    )],
];

/// The way of a prompt, and where a reader goes on.
const EDGES: &[(&str, &str, &str)] = &[
    ("README.md", "docs/operations.md", "then"),
    ("README.md", "CONTRIBUTING.md", "to change it"),
    ("src/discord/gateway.rs", "src/ingress/mod.rs", "Inbound"),
    ("src/http/mod.rs", "src/ingress/mod.rs", "Inbound"),
    ("src/ingress/mod.rs", "src/session/mod.rs", "a stored prompt"),
    ("src/session/actor.rs", "src/agent/mod.rs", "stdin, events"),
    ("src/session/mod.rs", "src/render/mod.rs", "what happened"),
    ("src/render/mod.rs", "src/discord/outbox/mod.rs", "words"),
    ("src/tools/mod.rs", "src/discord/outbox/mod.rs", "words"),
    ("src/mcp/mod.rs", "src/tools/mod.rs", "calls"),
    ("src/daemon/mod.rs", "src/discord/mod.rs", "starts"),
    ("src/discord/outbox/mod.rs", "src/sim/mod.rs", "in tests"),
];

fn laid_out() -> Value {
    let (mut groups, mut nodes, mut x) = (Vec::new(), Vec::new(), 0);
    for column in COLUMNS {
        let mut y = 0;
        for group in *column {
            let count = i64::try_from(group.files.len()).unwrap();
            let height = count * STEP - (STEP - HEIGHT) + 2 * MARGIN;
            groups.push(json!({
                "id": format!("group:{}", group.label), "type": "group", "label": group.label, "color": group.color,
                "x": x, "y": y, "width": WIDTH + 2 * MARGIN, "height": height,
            }));
            for (file, row) in group.files.iter().zip(0..) {
                nodes.push(json!({
                    "id": file, "type": "file", "file": file,
                    "x": x + MARGIN, "y": y + MARGIN + row * STEP, "width": WIDTH, "height": HEIGHT,
                }));
            }
            y += height + GAP;
        }
        x += WIDTH + 2 * MARGIN + GAP;
    }
    groups.extend(nodes);
    let place = |file: &str| -> (i64, i64) {
        let node = groups.iter().find(|node| node["id"] == file);
        let node = node.unwrap_or_else(|| panic!("{file} is in no group"));
        (node["x"].as_i64().unwrap(), node["y"].as_i64().unwrap())
    };
    let edges: Vec<Value> = EDGES
        .iter()
        .map(|(from, to, label)| {
            let ((from_x, from_y), (to_x, to_y)) = (place(from), place(to));
            let (from_side, to_side) = match (from_x.cmp(&to_x), from_y < to_y) {
                (std::cmp::Ordering::Less, _) => ("right", "left"),
                (std::cmp::Ordering::Greater, _) => ("left", "right"),
                (std::cmp::Ordering::Equal, true) => ("bottom", "top"),
                (std::cmp::Ordering::Equal, false) => ("top", "bottom"),
            };
            json!({
                "id": format!("{from} to {to}"), "fromNode": from, "toNode": to, "label": label,
                "fromSide": from_side, "toSide": to_side, "toEnd": "arrow",
            })
        })
        .collect();
    json!({ "nodes": groups, "edges": edges })
}

#[test]
fn the_map_is_what_is_laid_out_here() {
    let wanted = format!("{}\n", serde_json::to_string_pretty(&laid_out()).unwrap());
    if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
        std::fs::write(root().join(PATH), &wanted).unwrap();
    }
    assert!(
        read(PATH) == wanted,
        "{PATH} is old: UPDATE_DOCUMENTS=1 writes it"
    );
}

/// Left, top, right, bottom.
type Rectangle = (i64, i64, i64, i64);

fn rectangle(node: &Value) -> Rectangle {
    let number = |key: &str| node[key].as_i64().unwrap_or_else(|| panic!("{key} of {node}"));
    let (x, y) = (number("x"), number("y"));
    (x, y, x + number("width"), y + number("height"))
}

fn overlap(a: Rectangle, b: Rectangle) -> bool {
    a.0 < b.2 && b.0 < a.2 && a.1 < b.3 && b.1 < a.3
}

fn within(inner: Rectangle, outer: Rectangle) -> bool {
    outer.0 <= inner.0 && outer.1 <= inner.1 && inner.2 <= outer.2 && inner.3 <= outer.3
}

fn of_type<'a>(map: &'a Value, kind: &str) -> Vec<&'a Value> {
    let nodes = map["nodes"].as_array().unwrap();
    nodes.iter().filter(|node| node["type"] == kind).collect()
}

fn map() -> Value {
    serde_json::from_str(&read(PATH)).unwrap()
}

#[test]
fn the_map_follows_the_format() {
    let map = map();
    let nodes = map["nodes"].as_array().unwrap();
    let ids: BTreeSet<&str> = nodes.iter().map(|node| node["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), nodes.len(), "ids are unique");
    assert_eq!(
        of_type(&map, "file").len() + of_type(&map, "group").len(),
        nodes.len()
    );
    for edge in map["edges"].as_array().unwrap() {
        for end in ["fromNode", "toNode"] {
            assert!(ids.contains(edge[end].as_str().unwrap()), "{edge}");
        }
        for side in ["fromSide", "toSide"] {
            let side = edge[side].as_str().unwrap();
            assert!(["top", "right", "bottom", "left"].contains(&side), "{edge}");
        }
    }
}

#[test]
fn nodes_are_eighty_high_and_twenty_apart_and_their_group_is_wrapped_around_them() {
    let map = map();
    let mut columns: BTreeMap<(usize, i64), Vec<Rectangle>> = BTreeMap::new();
    let groups: Vec<Rectangle> = of_type(&map, "group").into_iter().map(rectangle).collect();
    for node in of_type(&map, "file") {
        let place = rectangle(node);
        assert_eq!(place.3 - place.1, 80, "{node}");
        let around: Vec<usize> = (0..groups.len()).filter(|&i| within(place, groups[i])).collect();
        let [group] = around[..] else {
            panic!("{node} is in {} groups", around.len())
        };
        columns.entry((group, place.0)).or_default().push(place);
    }
    for places in columns.values_mut() {
        places.sort_by_key(|place| place.1);
        for pair in places.windows(2) {
            assert_eq!(pair[1].1 - pair[0].1, 100, "{pair:?}");
        }
    }
    for (index, group) in groups.iter().enumerate() {
        let inside = || {
            columns
                .iter()
                .filter(|((of, _), _)| *of == index)
                .flat_map(|(_, places)| places)
        };
        let bounds = (
            inside().map(|place| place.0).min().expect("an empty group"),
            inside().map(|place| place.1).min().unwrap(),
            inside().map(|place| place.2).max().unwrap(),
            inside().map(|place| place.3).max().unwrap(),
        );
        let margins = [
            bounds.0 - group.0,
            bounds.1 - group.1,
            group.2 - bounds.2,
            group.3 - bounds.3,
        ];
        assert_eq!(margins, [MARGIN; 4], "{group:?}");
    }
}

#[test]
fn nothing_overlaps() {
    let map = map();
    for kind in ["file", "group"] {
        let nodes = of_type(&map, kind);
        for (index, node) in nodes.iter().enumerate() {
            for other in &nodes[index + 1..] {
                assert!(!overlap(rectangle(node), rectangle(other)), "{node} and {other}");
            }
        }
    }
}

#[test]
fn every_document_and_every_module_is_on_the_map_and_all_that_is_on_it_exists() {
    let map = map();
    let shown: BTreeSet<&str> = of_type(&map, "file")
        .iter()
        .map(|node| node["file"].as_str().unwrap())
        .collect();
    for file in &shown {
        assert!(root().join(file).is_file(), "{file}");
    }
    let modules = read("src/lib.rs")
        .lines()
        .filter_map(|line| {
            line.trim_start_matches("pub ")
                .strip_prefix("mod ")?
                .strip_suffix(';')
        })
        .map(|name| {
            let file = format!("src/{name}.rs");
            if root().join(&file).is_file() {
                file
            } else {
                format!("src/{name}/mod.rs")
            }
        })
        .collect::<Vec<_>>();
    assert!(modules.len() > 15);
    for file in documents().iter().chain(&modules).chain(&files("src", ".rs")) {
        assert!(shown.contains(file.as_str()), "{file} is not on the map");
    }
}
