"""Rule sets and their versions, who published what and why, and the traces of decisions that changed something."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class RuleSet(models.Model):
    """One policy of a decision point; of each point exactly one is in use.

    `good` is the version that decides where `live` fails at run time; `failing_since` is set by such a failure and
    cleared by the next publication.
    """

    point = models.CharField(_("decision point"), max_length=30)
    code = models.SlugField(_("code"), max_length=30)
    label = models.CharField(_("name"), max_length=80, blank=True)  # "" = the shipped policy's own
    in_use = models.BooleanField(_("in use"), default=False)
    live = models.ForeignKey("orderhub.Version", models.PROTECT, null=True, blank=True, related_name="+")
    good = models.ForeignKey("orderhub.Version", models.PROTECT, null=True, blank=True, related_name="+")
    shadow = models.ForeignKey("orderhub.Version", models.PROTECT, null=True, blank=True, related_name="+")
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)

    class Meta:
        verbose_name = _("rule set")
        verbose_name_plural = _("rule sets")
        constraints = [
            models.UniqueConstraint(fields=["point", "code"], name="one_rule_set_a_code"),
            models.UniqueConstraint(
                fields=["point"], condition=models.Q(in_use=True), name="one_rule_set_in_use_a_point"
            ),
        ]
        permissions = [
            ("publish_ruleset", _("Can publish rules, roll them back and choose the policy in use")),
            ("write_functions", _("Can use function nodes (JavaScript) in rules")),
        ]

    def __str__(self) -> str:
        return f"{self.point}/{self.code}"

    @property
    def title(self) -> str:
        """Its name for people: what staff called it, else the shipped policy's."""
        from orderhub.rules import registry

        try:
            policy = registry.point(self.point).policy_of.get(self.code)
        except registry.NoSuchPoint:
            policy = None
        return self.label or (str(policy.label) if policy else self.code)


class Version(models.Model):
    """One state of a rule set's document; it can't be changed once it is no draft (a trigger of the database)."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        CHECKED = "checked", _("checked")
        SHADOW = "shadow", _("in shadow")
        LIVE = "live", _("live")
        RETIRED = "retired", _("retired")
        ROLLED_BACK = "rolled_back", _("rolled back")

    rule_set = models.ForeignKey(RuleSet, models.PROTECT, related_name="versions", verbose_name=_("rule set"))
    number = models.PositiveIntegerField(_("version"))
    document = models.JSONField(_("document"))
    digest = models.CharField(_("digest"), max_length=64)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.DRAFT)
    revision = models.PositiveIntegerField(_("revision"), default=1)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("by")
    )
    edited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    edited_at = models.DateTimeField(_("last edited"), db_default=Now())
    reason = models.CharField(_("why"), max_length=300, blank=True, default="")
    based_on = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(_("made"), db_default=Now())
    published_at = models.DateTimeField(_("published"), null=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("published by")
    )
    #: set when it first decided anything, in shadow or live: from then on it can never become a draft again
    used_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("rule version")
        verbose_name_plural = _("rule versions")
        constraints = [
            models.UniqueConstraint(fields=["rule_set", "number"], name="one_rule_version_a_number")
        ]

    def __str__(self) -> str:
        return f"v{self.number}"


class Publication(models.Model):
    """Append-only: what was done with which version, by whom and why."""

    class Action(models.TextChoices):
        PUBLISH = "publish", _("published")
        ROLL_BACK = "roll_back", _("rolled back to")
        SHADOW = "shadow", _("shadow started")
        UNSHADOW = "unshadow", _("shadow stopped")
        CHOOSE = "choose", _("policy put in use")

    rule_set = models.ForeignKey(RuleSet, models.PROTECT, related_name="publications")
    version = models.ForeignKey(Version, models.PROTECT, null=True, related_name="+")
    action = models.CharField(_("what"), max_length=12, choices=Action)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("by")
    )
    at = models.DateTimeField(_("when"), db_default=Now())
    reason = models.CharField(_("why"), max_length=300, blank=True, default="")

    class Meta:
        verbose_name = _("publication")
        verbose_name_plural = _("publications")
        indexes = [models.Index(fields=["rule_set", "-at"], name="publication_recent")]

    def __str__(self) -> str:
        return self.get_action_display()


class Trace(models.Model):
    """A decision that changed something: what was answered and which row said so. Nothing personal; kept for a while."""

    order_id = models.BigIntegerField()
    point = models.CharField(_("decision point"), max_length=30)
    version = models.ForeignKey(
        Version, models.DO_NOTHING, null=True, db_constraint=False, related_name="+", db_index=False
    )
    at = models.DateTimeField(_("when"), db_default=Now())
    answer = models.JSONField(_("answer"), default=dict)
    row = models.JSONField(_("row"), default=list)  # [{node, name, row, index}]
    note = models.CharField(_("note"), max_length=300, blank=True, default="")

    class Meta:
        verbose_name = _("rule trace")
        verbose_name_plural = _("rule traces")
        indexes = [
            models.Index(fields=["order_id", "id"], name="trace_order"),
            models.Index(fields=["at"], name="trace_at"),
        ]

    def __str__(self) -> str:
        return f"{self.point} {self.order_id}"


class Assertion(models.Model):
    """What must hold before a version of the set is published: for this input, these answers."""

    rule_set = models.ForeignKey(RuleSet, models.CASCADE, related_name="assertions")
    label = models.CharField(_("what must hold"), max_length=120)
    input = models.JSONField(_("input"), default=dict)
    expect = models.JSONField(_("expected"), default=dict)

    class Meta:
        verbose_name = _("assertion")
        verbose_name_plural = _("assertions")

    def __str__(self) -> str:
        return self.label


class ShadowCount(models.Model):
    """What a version in shadow came to beside `live` since `since`; decisions before `until` are counted."""

    version = models.OneToOneField(Version, models.CASCADE, primary_key=True, related_name="shadow_count")
    live = models.ForeignKey(Version, models.CASCADE, related_name="+")
    since = models.DateTimeField(_("counted since"))
    until = models.DateTimeField()
    after = models.BigIntegerField(default=0)  # within the window that is being read
    seen = models.PositiveIntegerField(_("decisions"), default=0)
    differing = models.PositiveIntegerField(_("would differ"), default=0)
    impossible = models.PositiveIntegerField(_("can't decide"), default=0)
    result = models.JSONField(null=True)

    class Meta:
        verbose_name = _("shadow count")
        verbose_name_plural = _("shadow counts")

    def __str__(self) -> str:
        return f"{self.version_id}: {self.differing}/{self.seen}"
