//! The fuzz targets for a bounded number of inputs: texts that are taken apart and put together again at random.
//!
//! `OMPCORD_FUZZ_INPUTS=1000000` tries more of them; `cargo +nightly fuzz run redact` (in `fuzz/`) looks where they lead.

#[path = "../../fuzz/src/lib.rs"]
mod targets;

/// The same inputs in every run of the same length.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }

    /// A few seeds one after the other, some of them damaged.
    fn input(&mut self, seeds: &[&[u8]]) -> Vec<u8> {
        let mut input = vec![self.byte()];
        for _ in 0..self.below(6) {
            let seed = seeds[self.below(seeds.len())];
            let from = input.len();
            let times = if self.below(20) == 0 { 40 } else { 1 };
            input.extend(seed.repeat(times));
            for _ in 0..[0, 0, 1, 4][self.below(4)] {
                let at = from + self.below(input.len() - from);
                match self.below(3) {
                    0 => input.truncate(at.max(1)),
                    1 if at < input.len() => input[at] = self.byte(),
                    _ => {
                        let byte = self.byte();
                        input.insert(at.min(input.len()), byte);
                    }
                }
            }
        }
        input
    }
}

fn run(seeds: &[&[u8]], target: fn(&[u8])) {
    let inputs = std::env::var("OMPCORD_FUZZ_INPUTS").ok();
    let inputs: u64 = inputs.and_then(|n| n.parse().ok()).unwrap_or(500);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ inputs);
    for n in 0..inputs {
        let input = dice.input(seeds);
        let held = std::panic::catch_unwind(|| target(&input));
        assert!(
            held.is_ok(),
            "input {n} of {inputs}: {:?}",
            String::from_utf8_lossy(&input)
        );
    }
}

#[test]
fn frames_hold() {
    run(
        &[
            b"{\"type\":\"ready\"}\n",
            b"{\"id\":\"1\",\"type\":\"response\",\"command\":\"prompt\",\"success\":true,\"data\":{}}\n",
            b"{\"type\":\"message_update\",\"assistantMessageEvent\":{\"type\":\"text_delta\",\"delta\":\"h\\u00e9\\ud83d\",\"contentIndex\":0},\"message\":{\"x\":[{}]}}\n",
            b"{\"type\":\"rpc_chunk\",\"chunkId\":\"a\",\"index\":0,\"count\":2,\"byteLength\":17,\"data\":\"eyJ0eXBlIjoi\"}\n",
            b"{\"type\":\"rpc_chunk\",\"chunkId\":\"a\",\"index\":1,\"count\":2,\"byteLength\":17,\"data\":\"cmVhZHkifQ==\"}\n",
            b"{\"type\":\"extension_ui_request\",\"id\":\"7\",\"method\":\"select\",\"title\":\"t\",\"options\":[\"a\",{\"label\":\"b\"}]}\r\n",
            b"plain \xff\xfe line\n",
            b"\n\r\n  \n",
            b"{\"type\":",
            b"[1,2]\n{}\n",
        ],
        targets::frames,
    );
}

#[test]
fn splitting_holds() {
    run(
        &[
            b"A paragraph of some words, and then some more.\n\n",
            b"```rust\nfn main() {}\n```\n",
            b"~~~\n```\n",
            b"> a quote\n> - a list\n",
            b"| a | b |\n|---|---|\n| 1 | 2 |\n",
            "👩‍💻 größer 日本語 \u{200b}\u{202e}".as_bytes(),
            b"1. one\n2. two\n   - three\n",
            b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            b"`code` ``x`` \\` **bold** ||spoiler|| <@123> \n\n\n",
        ],
        targets::split,
    );
}

#[test]
fn redacting_holds() {
    run(
        &[
            b"hunter2-hunter2",
            b"hunter2-hun",
            b"Authorization: Bearer abcdef0123456789 ",
            b"-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAq7v3Zb0uYlq1z5yXh2m4\n",
            b"-----END RSA PRIVATE KEY-----\n",
            b"sk-Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z ",
            b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.Ab3dEf6hIj9kLm2nOp5q",
            b"postgres://app:s3cret-horse-42@db/x ",
            b"123456789:AAb3dEf6hIj9kLm2nOp5qRs8tUv1wXy4zA1 ",
            b"https://discord.com/api/webhooks/123456789012345678/Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z",
            b"an ordinary sentence. ",
            "größe 👩‍💻\n".as_bytes(),
        ],
        targets::redact,
    );
}

#[test]
fn webhook_bodies_hold() {
    run(
        &[
            b"{\"session_id\":\"session_1a2b3c4d\",\"event_type\":\"message\",\"content\":\"x\",\"timestamp\":1}",
            b"[{\"session_id\":\"session_1a2b3c4d\",",
            b"\"data\":{\"a\":[null,1e400,{}]},\"id\":\"\\u0000\"}]",
            b"[[[[[[[[[[[[[[[[",
            b"{\"content\":\"\\ud800\"}",
            b"null",
            b" \xef\xbb\xbf{}",
        ],
        targets::webhook,
    );
}
