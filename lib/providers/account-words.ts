// Reads what servers say in words of accounts and sessions, where no status or number tells it.

/** Does it speak of the account? A refused login does; the trouble of a server does not. */
export function namesAccount(text: string): boolean {
  return /\buser|pass-?(word|phrase)|account|log(ged)?[ -]?(in|on)\b|credential|authenti|authori[sz]/i.test(text);
}

/** Does it say that a session is over? */
export function saysSessionEnded(text: string): boolean {
  return /unauthenticated|not authenticated|\b(token|session)\b[\s\w]{0,20}(expired|invalid|not (valid|provided|found))|\btoken_(expired|invalid|not_provided|absent)\b/i.test(
    text,
  );
}
