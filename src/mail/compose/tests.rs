use time::macros::datetime;

use super::*;

const JOIN_URL: &str = "https://interviews.example.com/interview/join/3q2-7wAAqrvM3e7_ABEiM0RVZneImaq7";
const RESET_URL: &str = "https://interviews.example.com/reset-password#token=7_ABEiM0RVZneImaq73q2-7wAAqrvM3e";
const FORGOT_URL: &str = "https://interviews.example.com/forgot-password";

fn code_mail<'a>(name: &'a str, position: &'a str) -> CodeMail<'a> {
    CodeMail {
        organisation: "Acme",
        to: "ada@example.com",
        name,
        position,
        code: "012345",
        reference: "K7Q",
        minutes_valid: 10,
    }
}

fn invitation_mail<'a>(name: &'a str, position: &'a str) -> InvitationMail<'a> {
    InvitationMail {
        organisation: "Acme",
        to: "ada@example.com",
        name,
        position,
        duration_minutes: 60,
        join_url: JOIN_URL,
        expires_at: datetime!(2026-11-29 11:05 +1),
    }
}

fn reset_mail(username: &str) -> ResetMail<'_> {
    ResetMail { organisation: "Acme", to: "ada@example.com", username, url: RESET_URL, minutes_valid: 15 }
}

fn notice_mail(username: &str) -> NoticeMail<'_> {
    NoticeMail {
        organisation: "Acme",
        to: "ada@example.com",
        username,
        changed_at: datetime!(2026-11-22 11:05 +1),
        forgot_url: FORGOT_URL,
    }
}

#[test]
fn the_code_comes_first_and_can_be_copied() {
    let letter = code(&code_mail("Ada Lovelace", "Backend Engineer"));
    assert_eq!(letter.subject, "012345 is your Acme interview code (K7Q)");
    assert_eq!(letter.to, "ada@example.com");
    assert!(letter.text.lines().any(|line| line == "012345"), "{}", letter.text);
    assert!(letter.html.contains(">012345<"), "the digits stand together in one element");
    for part in [&letter.text, &letter.html] {
        for said in ["Ada Lovelace", "Backend Engineer", "Acme", "K7Q", "10 minutes", "newest code", "never pass it on"]
        {
            assert!(part.contains(said), "{said} is missing in {part}");
        }
    }
}

#[test]
fn the_invitation_tells_what_and_until_when() {
    let letter = invitation(&invitation_mail("Ada Lovelace", "Backend Engineer"));
    assert_eq!(letter.subject, "Your Acme interview: Backend Engineer");
    assert!(letter.text.lines().any(|line| line == JOIN_URL), "{}", letter.text);
    assert_eq!(letter.html.matches(&format!("href=\"{JOIN_URL}\"")).count(), 2, "button and text");
    for part in [&letter.text, &letter.html] {
        for said in ["Ada Lovelace", "60 minutes", "Sunday, 29 November 2026, 10:05 UTC", "6-digit code", "forward"] {
            assert!(part.contains(said), "{said} is missing in {part}");
        }
    }
}

#[test]
fn an_organisation_cannot_end_the_subject_either() {
    let mail = CodeMail { organisation: "Ac\nme\u{2028}", ..code_mail("Ada", "Engineer") };
    assert_eq!(code(&mail).subject, "012345 is your Ac me interview code (K7Q)");
}

#[test]
fn a_long_position_is_cut_in_the_subject_alone() {
    let position = "é".repeat(200);
    let letter = invitation(&invitation_mail("Ada", &position));
    assert_eq!(letter.subject, format!("Your Acme interview: {}…", "é".repeat(59)));
    assert!(letter.text.contains(&position));
}

#[test]
fn a_reset_tells_what_to_do_and_that_nothing_must_be_done() {
    let letter = reset(&reset_mail("ada_1"));
    assert_eq!(letter.subject, "Reset your Acme password");
    assert_eq!(letter.to, "ada@example.com");
    assert!(letter.text.lines().any(|line| line == RESET_URL), "{}", letter.text);
    assert_eq!(letter.html.matches(&format!("href=\"{RESET_URL}\"")).count(), 2, "button and text");
    for part in [&letter.text, &letter.html] {
        for said in [
            "Hello ada_1,",
            "Acme account",
            "15 minutes",
            ", once.",
            "nly the newest link works",
            "If you did not ask for it, ignore it: your password stays as it is.",
            "never pass the link on",
        ] {
            assert!(part.contains(said), "{said} is missing in {part}");
        }
    }
}

#[test]
fn a_notice_tells_when_and_what_to_do_if_it_was_not_you() {
    let letter = notice(&notice_mail("ada_1"));
    assert_eq!(letter.subject, "Your Acme password was changed");
    assert_eq!(letter.to, "ada@example.com");
    assert!(letter.text.lines().any(|line| line == FORGOT_URL), "{}", letter.text);
    assert_eq!(letter.html.matches(&format!("href=\"{FORGOT_URL}\"")).count(), 1);
    for part in [&letter.text, &letter.html] {
        for said in [
            "Hello ada_1,",
            "Acme account",
            "Sunday, 22 November 2026, 10:05 UTC",
            "logged out every other device",
            "If it was not you",
        ] {
            assert!(part.contains(said), "{said} is missing in {part}");
        }
    }
}

#[test]
fn a_username_and_an_organisation_are_text_too() {
    let username = "ada\r\nBcc: eve@example.com\r\n\r\n<script>\u{202e}";
    let reset_mail = ResetMail { organisation: "R&D\n<b>", ..reset_mail(username) };
    let notice_mail = NoticeMail { organisation: "R&D\n<b>", ..notice_mail(username) };
    for letter in [reset(&reset_mail), notice(&notice_mail)] {
        assert!(letter.subject.contains("R&D <b> password"), "{:?}", letter.subject);
        assert!(letter.text.starts_with("Hello ada Bcc: eve@example.com <script>,\n"), "{}", letter.text);
        assert!(!letter.html.contains("<script") && !letter.html.contains("<b>"), "{}", letter.html);
        assert!(!letter.html.contains('\u{202e}') && !letter.text.contains('\u{202e}'));
    }
}

#[test]
fn what_people_type_is_text_and_nothing_else() {
    let name = "Zoë \"Z\" O'Neil 👩🏽‍💻 <script>alert(1)</script>";
    let position = "R&D \0<b>lead</b>\r\nBcc: eve@example.com\r\n\r\nHi\u{202e}";
    for letter in [code(&code_mail(name, position)), invitation(&invitation_mail(name, position))] {
        assert!(!letter.subject.contains(char::is_control), "{:?}", letter.subject);
        assert!(letter.text.contains(name), "{}", letter.text);
        assert!(letter.text.contains("R&D <b>lead</b> Bcc: eve@example.com Hi"), "{}", letter.text);
        assert!(!letter.html.contains("<script") && !letter.html.contains("<b>lead"), "{}", letter.html);
        assert!(letter.html.contains("Zoë") && letter.html.contains("👩🏽‍💻"));
        assert!(!letter.html.contains('\u{202e}') && !letter.text.contains('\u{202e}'));
    }
}

#[test]
fn without_a_name_the_greeting_has_no_gap() {
    for letter in [code(&code_mail(" \t", "Engineer")), invitation(&invitation_mail("", "Engineer"))] {
        assert!(letter.text.starts_with("Hello,\n"), "{}", letter.text);
        assert!(letter.html.contains("Hello,"), "{}", letter.html);
    }
}

#[test]
fn html_loads_nothing() {
    let letters = [
        code(&code_mail("Ada", "Engineer")),
        invitation(&invitation_mail("Ada", "Engineer")),
        reset(&reset_mail("ada")),
        notice(&notice_mail("ada")),
    ];
    for letter in letters {
        for loads in ["src=", "url(", "@import", "<link", "<script", "background="] {
            assert!(!letter.html.contains(loads), "{loads}");
        }
    }
}

#[test]
fn a_letter_cannot_be_printed() {
    let printed = format!("{:?}", code(&code_mail("Ada", "Engineer")));
    assert_eq!(printed, "Letter { .. }");
}
