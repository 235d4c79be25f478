package e2e

import "testing"

// The ConfigMap that --configmap names takes effect as it comes, changes and goes, with the right to read that one alone.
func TestSettingsTakeEffectAsTheyChange(t *testing.T) {
	c := begin(t)
	c.deploy("web", 1)
	c.apply(c.read("rbac/settings.yaml"), ingress("web", "nginx", "settings.test", "/", "Prefix", "web"))
	n := c.startNarthex("--configmap=" + c.Namespace + "/settings")
	n.settled(at("settings.test", "/"), "200", "web")
	load := n.load(2, "settings.test", "/")
	load.atLeast(20)

	c.kubectl("create", "configmap", "settings", "--from-literal=hsts=false", "--from-literal=no-such-setting=x", "--from-literal=proxy-body-size=10")
	n.expect(at("settings.test", "/"), "413", "", "--data", "more than ten bytes")
	n.finds("UnknownSetting", "no-such-setting")
	c.kubectl("patch", "configmap", "settings", "--patch", `{"data":{"proxy-body-size":"1m","no-such-setting":null}}`)
	n.expect(at("settings.test", "/"), "200", "web", "--data", "more than ten bytes")
	load.stop()

	c.kubectl("patch", "configmap", "settings", "--patch", `{"data":{"force-ssl-redirect":"true"}}`)
	n.expect(at("settings.test", "/"), "308", "")
	c.kubectl("patch", "configmap", "settings", "--patch", `{"data":{"block-cidrs":"nonsense"}}`)
	n.expect(at("settings.test", "/"), "503", "")
	n.finds("InvalidSettingValue", "block-cidrs")
	c.kubectl("delete", "configmap", "settings")
	n.expect(at("settings.test", "/"), "200", "web")
}
