//! How fast an answer's stream is taken apart: each `message_update` repeats the whole message, twice.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ompcord::agent::frames::{FrameReader, Item};
use ompcord::agent::protocol::{Frame, decode};
use ompcord::event::AgentEvent;

const ANSWER_BYTES: usize = 50_000;
const DELTA_BYTES: usize = 64;

/// The stream of a 50 kB answer. `worst` puts what is looked for behind everything else.
fn stream(worst: bool) -> Vec<u8> {
    let line = "let \"quoted\" = vec![1, 2, 3]; // a line of code\n";
    let answer: String = line.chars().cycle().take(ANSWER_BYTES).collect();
    let mut stream = Vec::new();
    for end in (DELTA_BYTES..=ANSWER_BYTES).step_by(DELTA_BYTES) {
        let (said, _) = answer.split_at(end);
        let (_, delta) = said.split_at(end - DELTA_BYTES);
        let text = serde_json::to_string(said).unwrap_or_default();
        let delta = serde_json::to_string(delta).unwrap_or_default();
        let message = format!(
            "{{\"role\":\"assistant\",\"content\":[{{\"type\":\"text\",\"text\":{text}}}],\"model\":\"m\",\
             \"usage\":{{\"input\":0,\"cost\":{{\"total\":0}}}},\"stopReason\":\"stop\"}}"
        );
        let event = format!("\"type\":\"text_delta\",\"contentIndex\":0,\"delta\":{delta}");
        let frame = if worst {
            format!(
                "{{\"message\":{message},\"assistantMessageEvent\":{{\"partial\":{message},{event}}},\
                 \"type\":\"message_update\"}}\n"
            )
        } else {
            format!(
                "{{\"type\":\"message_update\",\"assistantMessageEvent\":{{{event},\"partial\":{message}}},\
                 \"message\":{message}}}\n"
            )
        };
        stream.extend_from_slice(frame.as_bytes());
    }
    stream
}

async fn characters(stream: &[u8]) -> usize {
    let mut reader = FrameReader::new(stream);
    let mut characters = 0;
    while let Ok(Some(item)) = reader.next().await {
        if let Item::Frame(bytes) = item
            && let Some(Frame::Event(AgentEvent::TextDelta { delta, .. })) = decode(bytes)
        {
            characters += delta.len();
        }
    }
    characters
}

fn frames(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap_or_else(|error| {
            panic!("a runtime: {error}");
        });
    let mut group = criterion.benchmark_group("message_update");
    for (name, worst) in [("as recorded", false), ("keys in the worst order", true)] {
        let stream = stream(worst);
        assert_eq!(
            runtime.block_on(characters(&stream)),
            ANSWER_BYTES / DELTA_BYTES * DELTA_BYTES
        );
        group.throughput(Throughput::Bytes(stream.len() as u64));
        group.sample_size(20);
        group.bench_function(name, |bencher| {
            bencher.to_async(&runtime).iter_batched(
                || black_box(stream.as_slice()),
                characters,
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
