"""A rule version that is no draft can't be changed, and one that ever decided can't go: what decided can be read again."""

from django.db import migrations

FREEZE = """
CREATE FUNCTION orderhub_refuse_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rule version % is no draft any more and can''t be changed', OLD.id
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'rule_version_is_kept',
              TABLE = 'orderhub_version', HINT = 'Begin a new draft from it.';
END $$;

CREATE TRIGGER rule_version_is_frozen BEFORE UPDATE ON orderhub_version FOR EACH ROW
    WHEN ((OLD.state <> 'draft' OR OLD.used_at IS NOT NULL)
          AND (NEW.rule_set_id, NEW.number, NEW.document, NEW.digest)
              IS DISTINCT FROM (OLD.rule_set_id, OLD.number, OLD.document, OLD.digest))
    EXECUTE FUNCTION orderhub_refuse_version();
CREATE TRIGGER used_rule_version_is_no_draft BEFORE UPDATE ON orderhub_version FOR EACH ROW
    WHEN (OLD.used_at IS NOT NULL AND (NEW.state = 'draft' OR NEW.used_at IS NULL))
    EXECUTE FUNCTION orderhub_refuse_version();
CREATE TRIGGER used_rule_version_is_kept BEFORE DELETE ON orderhub_version FOR EACH ROW
    WHEN (OLD.used_at IS NOT NULL)
    EXECUTE FUNCTION orderhub_refuse_version();
"""

THAW = """
DROP TRIGGER used_rule_version_is_kept ON orderhub_version;
DROP TRIGGER used_rule_version_is_no_draft ON orderhub_version;
DROP TRIGGER rule_version_is_frozen ON orderhub_version;
DROP FUNCTION orderhub_refuse_version();
"""


class Migration(migrations.Migration):
    dependencies = [("orderhub", "0009_rules")]

    operations = [migrations.RunSQL(FREEZE, THAW)]
