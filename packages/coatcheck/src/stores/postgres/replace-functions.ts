/** Version 1 of the functions that start sessions; `{s}` stands for the schema. Never edited once released. */
export const REPLACE_FUNCTIONS = `
  -- Which of a user's other sessions must go so that one more fits, the longest idle or the oldest first.
  CREATE FUNCTION {s}.to_evict(
    p_user text, p_but text, p_count integer, p_on_limit text, p_now double precision
  ) RETURNS text[] LANGUAGE plpgsql AS $function$
  DECLARE
    v_ids text[];
  BEGIN
    SELECT array_agg(
      s.id ORDER BY CASE WHEN p_on_limit = 'evict-idle' THEN s.last_seen_at END, s.created_at, s.number
    ) INTO v_ids
    FROM {s}.states s
    WHERE s.user_id = p_user AND s.ended_at IS NULL AND s.id IS DISTINCT FROM p_but
      AND {s}.over_reason(s, p_now) IS NULL;
    RETURN coalesce(v_ids[1:cardinality(v_ids) - p_count + 1], '{}');
  END
  $function$;

  /*
   * Answers besides the outcomes of the contract: 'merge' where data is missing or was made from another version of
   * the old session (which comes with it, null where it is gone), and 'again' where other sessions are to go than
   * those that were locked. Nothing has changed then, apart from what was over.
   */
  CREATE FUNCTION {s}.replace(p json) RETURNS json LANGUAGE plpgsql
  SET enable_seqscan = off AS $function$
  DECLARE
    c record;
    s {s}.states;
    v_old {s}.states;
    v_everyone record;
    v_user text;
    v_old_user text;
    v_epoch uuid;
    v_now double precision;
    v_evicted text[] := '{}';
    v_locked text[];
    v_id text;
    v_limited boolean;
  BEGIN
    SELECT * INTO c FROM json_to_record(p) AS x(
      old text, id text, secret_hash text, user_id text, lifetime text, idle_timeout double precision,
      absolute_timeout double precision, authenticated boolean, authentication text, transport text, device text,
      schema_version bigint, data text, if_old_version bigint, operation_id text, reason text, require_old boolean,
      limit_count integer, on_limit text, if_epoch text
    );
    v_limited := c.user_id IS NOT NULL AND c.limit_count IS NOT NULL;

    -- Locks first: users, then sessions.
    SELECT user_id INTO v_old_user FROM {s}.sessions WHERE id = c.old;
    FOR v_user IN
      SELECT DISTINCT u COLLATE "C" AS u FROM unnest(ARRAY[c.user_id, v_old_user]) u WHERE u IS NOT NULL ORDER BY u
    LOOP
      PERFORM {s}.lock_user(v_user);
    END LOOP;
    v_epoch := {s}.lock_user(c.user_id);
    v_now := {s}.now_ms();
    IF v_limited THEN v_evicted := {s}.to_evict(c.user_id, c.old, c.limit_count, c.on_limit, v_now); END IF;
    v_locked := v_evicted || c.old;
    PERFORM 1 FROM {s}.sessions WHERE id = ANY (v_locked) ORDER BY id FOR UPDATE;
    v_now := {s}.now_ms();

    SELECT * INTO s FROM {s}.states WHERE id = c.id;
    IF FOUND AND s.ended_at IS NULL AND {s}.over_reason(s, v_now) IS NULL AND c.operation_id = ANY (s.operation_ids) THEN
      RETURN json_build_object(
        'outcome', 'ok', 'record', {s}.record(s), 'now', v_now, 'replaced', NULL, 'evicted', json_build_array()
      );
    END IF;
    IF s.id IS NOT NULL THEN RETURN json_build_object('outcome', 'exists'); END IF;

    SELECT number, nonce INTO v_everyone FROM {s}.epochs WHERE reason IS NULL;
    IF c.user_id IS NOT NULL AND c.if_epoch <> concat_ws('.', v_everyone.nonce, v_epoch) THEN
      RETURN json_build_object('outcome', 'stale');
    END IF;
    IF c.old IS NOT NULL THEN v_old := {s}.live(c.old, v_now); END IF;
    IF c.old IS NOT NULL AND v_old.id IS NULL AND c.require_old THEN
      RETURN json_build_object('outcome', 'gone', 'tombstone', {s}.tombstone(c.old));
    END IF;
    IF c.data IS NULL OR c.if_old_version <> coalesce(v_old.version, -1) THEN
      RETURN json_build_object('outcome', 'merge', 'data', v_old.data, 'version', coalesce(v_old.version, -1));
    END IF;
    IF v_limited THEN v_evicted := {s}.to_evict(c.user_id, c.old, c.limit_count, c.on_limit, v_now); END IF;
    IF c.on_limit = 'refuse' AND cardinality(v_evicted) > 0 THEN
      RETURN json_build_object('outcome', 'limit');
    END IF;
    IF NOT v_evicted <@ v_locked THEN RETURN json_build_object('outcome', 'again'); END IF;

    INSERT INTO {s}.sessions (
      created_at, last_seen_at, idle_timeout, expires_at, due_at, authenticated_at, version, schema_version, revision,
      epoch_number, user_epoch, id, user_id, lifetime, transport, replaces, rotation, authentication, device,
      operation_ids, data
    ) VALUES (
      v_now, v_now, c.idle_timeout, v_now + c.absolute_timeout, v_now + least(c.idle_timeout, c.absolute_timeout),
      CASE WHEN c.authenticated THEN v_now END, 0, c.schema_version, 0, v_everyone.number, v_epoch, c.id, c.user_id,
      c.lifetime, c.transport, v_old.id,
      json_build_object(
        'revision', 0, 'generation', 0, 'secretHash', c.secret_hash, 'rotatedAt', v_now, 'previous', NULL
      ),
      c.authentication::json, c.device::json,
      CASE WHEN c.operation_id IS NULL THEN '{}' ELSE ARRAY[c.operation_id] END, c.data::json
    ) ON CONFLICT (id) DO NOTHING;
    -- Somebody else was quicker with this id.
    IF NOT FOUND THEN RETURN json_build_object('outcome', 'again'); END IF;
    IF v_old.id IS NOT NULL THEN
      PERFORM {s}.bury(v_old.id, v_now, c.reason, c.id, c.user_id);
      PERFORM {s}.tell('s' || v_old.id);
    END IF;
    FOREACH v_id IN ARRAY v_evicted LOOP
      PERFORM {s}.bury(v_id, v_now, 'limit', NULL, NULL);
      PERFORM {s}.tell('s' || v_id);
    END LOOP;
    SELECT * INTO s FROM {s}.states WHERE id = c.id;
    RETURN json_build_object(
      'outcome', 'ok', 'record', {s}.record(s), 'now', v_now,
      'replaced', CASE WHEN v_old.id IS NOT NULL
        THEN json_build_object('id', v_old.id, 'userId', v_old.user_id, 'reason', c.reason) END,
      'evicted', to_json(v_evicted)
    );
  END
  $function$;
`
