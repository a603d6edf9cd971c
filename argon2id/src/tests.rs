use argon2::{AssociatedData, ParamsBuilder};
use proptest::prelude::*;

use super::*;

/// All that this processor can do, the slowest last.
fn all() -> Vec<Argon2id> {
    let mut all = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        let level = Level::new();
        all.extend(level.as_avx512().map(Argon2id::Avx512));
        all.extend(level.as_avx2().map(Argon2id::Avx2));
    }
    all.push(Argon2id::Portable);
    all
}

fn params(memory: u32, iterations: u32, lanes: u32, hash_bytes: usize, data: &[u8]) -> Params {
    let data = AssociatedData::new(data).unwrap();
    let mut params = ParamsBuilder::new();
    params.m_cost(memory).t_cost(iterations).p_cost(lanes).output_len(hash_bytes).data(data).build().unwrap()
}

/// RFC 9106, section 5.3.
#[test]
fn a_hash_is_that_of_the_rfc_also_in_memory_that_was_used() {
    let (given, other) = (params(32, 3, 4, 32, &[4; 12]), params(64, 1, 1, 32, &[]));
    let expected: [u8; 32] = [
        0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b, 0x53, 0xc9, 0xd0, 0x1e,
        0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9, 0x6b, 0x01, 0xe6, 0x59,
    ];
    for argon2id in all() {
        let mut memory = Vec::new();
        for _ in 0..2 {
            let input = Input { secret: &[3; 8], password: &[1; 32], salt: &[2; 16] };
            assert_eq!(argon2id.hash(&mut memory, &given, input)[..], expected, "{argon2id:?}");
            let input = Input { secret: &[], password: b"another", salt: &[9; 16] };
            argon2id.hash(&mut memory, &other, input);
        }
    }
}

proptest! {
    // 2,048 blocks at most, of which each implementation makes each once more.
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Byte for byte, whatever a configuration or a stored hash may ask for.
    #[test]
    fn every_implementation_makes_the_same_hash(
        (lanes, iterations, more) in (1..=16_u32, 1..=16_u32, 0..2_048_u32),
        hash_bytes in 16..=64_usize,
        password in prop::collection::vec(any::<u8>(), 0..300),
        salt in prop::collection::vec(any::<u8>(), 8..=64),
        secret in prop::collection::vec(any::<u8>(), 0..=64),
    ) {
        // From the least that there can be.
        let memory = 8 * lanes + more / iterations;
        let params = params(memory, iterations, lanes, hash_bytes, &[]);
        let input = Input { secret: &secret, password: &password, salt: &salt };
        let expected = Argon2id::Portable.hash(&mut Vec::new(), &params, input);
        for argon2id in all() {
            // Memory that another hash has left dirty.
            let mut memory = vec![Block::new(); 5];
            memory[3].as_mut().fill(u64::MAX);
            prop_assert_eq!(&argon2id.hash(&mut memory, &params, input), &expected, "{:?}, {:?}", argon2id, &params);
        }
    }
}

/// 19 MiB: segments that a block of choices does not suffice for.
#[test]
fn the_default_cost_too() {
    let params = params(19_456, 2, 1, 32, &[]);
    let input = Input { secret: &[], password: b"correct horse battery staple", salt: &[7; 16] };
    let mut memory = Vec::new();
    let expected = Argon2id::Portable.hash(&mut memory, &params, input);
    for argon2id in all() {
        assert_eq!(argon2id.hash(&mut memory, &params, input), expected, "{argon2id:?}");
    }
}

#[test]
fn the_fastest_is_what_the_processor_has() {
    let fastest = Argon2id::fastest();
    assert_eq!(fastest.name(), all()[0].name());
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("bmi2") {
        assert_ne!(fastest.name(), "portable");
    }
}
